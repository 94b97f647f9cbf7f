import Frontend

/// What `temporal-server --version` says: this server's own version, and the one it offers to SDKs.
package let serverVersion = "0.1.0 (Temporal \(offeredServerVersion))"
