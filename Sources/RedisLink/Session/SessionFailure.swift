/// What is known about a session when its attempt or its connection ends, and the error that follows from it.
///
/// A value.
struct SessionFailure {
    let phase: SessionState.Phase
    let configuration: RedisConfiguration
    /// Why TLS refused, or was refused, if it was.
    var tlsFailure: String?
    /// Whether the connection is encrypted, as far as it got.
    var isEncrypted = false
    /// Whether the session ever received anything.
    var hasReceived = false

    /// The attempt took too long.
    var timedOut: RedisError {
        let missing: String
        switch phase {
        case .securing: missing = ": no answer to the TLS handshake, does it speak TLS on this port?"
        case .authorizing: return Self.noCredentials("did not answer within \(configuration.connectTimeout)")
        case .greeting: missing = ": no answer to the first command"
        case .idle, .resolving, .connecting, .ready, .waiting, .closed: missing = ""
        }
        return RedisError(
            .connectFailed, delivery: .notDelivered,
            "no connection to \(configuration.endpoint) within \(configuration.connectTimeout)\(missing)")
    }

    /// The connection ended; `reason` is what the socket says.
    func lost(_ reason: String) -> RedisError {
        let isNew = phase != .ready
        // In TLS 1.3 the server may refuse the client's certificate after the handshake is over for the
        // client.
        if isNew, let tlsFailure {
            return RedisError(
                .tlsFailed, delivery: .notDelivered,
                "no TLS connection to \(configuration.endpoint): \(tlsFailure)")
        }
        var message = "the connection to \(configuration.endpoint) was lost: \(reason)"
        if isNew, !hasReceived, !isEncrypted, case .tcp = configuration.endpoint {
            message += " before the first reply; a server that speaks TLS does that, and needs rediss://"
        }
        return RedisError(
            isNew ? .connectFailed : .connectionLost, delivery: isNew ? .notDelivered : .unknown, message)
    }

    /// The error's own text is left out: nobody knows what a secrets service writes into it.
    static func noCredentials(_ reason: String) -> RedisError {
        RedisError(
            .credentialsUnavailable, delivery: .notDelivered,
            "no credentials for Redis: the closure that provides them \(reason)")
    }
}
