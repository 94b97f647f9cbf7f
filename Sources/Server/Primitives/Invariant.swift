/// Ends the process unless `condition` holds; for what this process itself computed.
///
/// Bytes read back from a store are never trusted that far: those are errors of their run.
package func invariant(
    _ condition: @autoclosure () -> Bool, _ message: @autoclosure () -> String,
    file: StaticString = #file, line: UInt = #line
) {
    if !condition() { invariantFailure(message(), file: file, line: line) }
}

/// Ends the process: this cannot happen.
///
/// Recovery from the store is the tested path.
package func invariantFailure(
    _ message: @autoclosure () -> String, file: StaticString = #file, line: UInt = #line
) -> Never {
    preconditionFailure(message(), file: file, line: line)
}
