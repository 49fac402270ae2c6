/// Why a command has no usable reply, and whether the server may have executed it.
package struct RedisError: Error, Sendable {
    /// What is known about the execution of the command.
    package enum Delivery: String, Sendable {
        /// The command never reached the server whole: repeating it is safe.
        case notDelivered = "not delivered"
        /// The server replied that it did not execute it.
        case refused
        /// The command was written and no reply came: it may or may not have been executed.
        case unknown
    }

    package struct Code: Sendable, Hashable, CustomStringConvertible {
        package let description: String

        /// The URL or another setting cannot be used.
        package static let invalidConfiguration = Code(description: "invalid configuration")
        /// No connection could be made.
        package static let connectFailed = Code(description: "connect failed")
        /// One side refused TLS: the other's certificate is not valid, or it does not speak TLS.
        package static let tlsFailed = Code(description: "TLS failed")
        /// The server refused the user or the password.
        package static let authenticationFailed = Code(description: "authentication failed")
        /// The closure that provides the credentials threw, or returned none in time.
        package static let credentialsUnavailable = Code(description: "credentials unavailable")
        /// The server's user lacks a permission; ``RedisError/permission`` says which.
        package static let permissionDenied = Code(description: "permission denied")
        /// The data on the server has a format that this client does not know; see ``DataFormat``.
        package static let unknownFormat = Code(description: "unknown format")
        /// The connection ended before the reply.
        package static let connectionLost = Code(description: "connection lost")
        /// The command's deadline passed.
        package static let timeout = Code(description: "timeout")
        /// The calling task was cancelled.
        package static let cancelled = Code(description: "cancelled")
        /// The link was closed by its owner.
        package static let closed = Code(description: "closed")
        /// The server sent something that is not a reply to the command.
        package static let protocolViolation = Code(description: "protocol violation")
        /// The server sent an error reply; ``RedisError/replyKind`` is its first word.
        package static let refused = Code(description: "refused")
    }

    package var code: Code
    package var delivery: Delivery
    /// One line without control characters, whatever the server said.
    package private(set) var message: String
    /// The first word of an error reply, for example `NOSCRIPT`, `WRONGTYPE` or `OOM`.
    package var replyKind: String?
    /// What the user may not do, with ``Code/permissionDenied``.
    package var permission: Permission?

    package init(_ code: Code, delivery: Delivery, _ message: String, replyKind: String? = nil) {
        self.code = code
        self.delivery = delivery
        self.message = message.printable()
        self.replyKind = replyKind
    }

    /// An error reply of the server.
    package init(reply text: String) {
        self.init(ErrorReply(text))
    }

    init(_ reply: ErrorReply) {
        self.init(
            reply.denied == nil ? .refused : .permissionDenied, delivery: .refused, reply.text,
            replyKind: reply.kind.printable(limit: 64))
        permission = reply.denied
    }
}

extension RedisError {
    /// Whether the next attempt to connect would fail in the same way until somebody fixes the cause: then
    /// nobody should wait for that attempt.
    var needsMending: Bool {
        [.invalidConfiguration, .tlsFailed, .authenticationFailed, .permissionDenied, .unknownFormat]
            .contains(code)
    }
}

extension RedisError {
    /// Whether the server refused because of a state that will end by itself, there or on the server that
    /// takes its place: it is loading data, is running a script, is not a primary, or lacks replicas.
    package var refusalPasses: Bool {
        let kinds = ["LOADING", "BUSY", "TRYAGAIN", "CLUSTERDOWN", "MASTERDOWN", "READONLY", "NOREPLICAS"]
        return replyKind.map(kinds.contains) ?? false
    }

    /// Whether Redis refuses only for as long as a condition lasts: one that ends by itself, or that somebody
    /// fixes, such as a full disk or memory.
    package var refusalMayEnd: Bool {
        refusalPasses || replyKind == "OOM" || replyKind == "MISCONF"
    }

    /// Whether the same command, if repeating it does no harm, may still succeed.
    package var mayEnd: Bool {
        code != .closed && (delivery != .refused || refusalMayEnd)
    }
}

extension RedisError: CustomStringConvertible {
    package var description: String { delivery == .unknown ? "\(message) (it may have happened)" : message }
}
