"""What the conformance cases share: the server under test, a worker by hand, history as text."""
