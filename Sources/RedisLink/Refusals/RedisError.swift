/// Why a command did not bring a usable reply, and whether the server may have executed it.
package struct RedisError: Error, Sendable {
    /// What is known about the execution of the command.
    package enum Delivery: String, Sendable {
        /// Not one complete command reached the server: repeating it is safe.
        case notDelivered = "not delivered"
        /// The server answered that it did not do it.
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
        /// One of the sides refused TLS: the certificate of the other does not hold, or it speaks none.
        package static let tlsFailed = Code(description: "TLS failed")
        /// The server refused the user or the password.
        package static let authenticationFailed = Code(description: "authentication failed")
        /// The closure that is asked for the credentials threw, or gave none in time.
        package static let credentialsUnavailable = Code(description: "credentials unavailable")
        /// The server's user lacks a permission; ``RedisError/permission`` is which.
        package static let permissionDenied = Code(description: "permission denied")
        /// The data on the server are of a form that this client does not know, see ``DataFormat``.
        package static let unknownFormat = Code(description: "unknown format")
        /// The connection ended before the reply.
        package static let connectionLost = Code(description: "connection lost")
        /// The command's deadline passed.
        package static let timeout = Code(description: "timeout")
        /// The calling task was cancelled.
        package static let cancelled = Code(description: "cancelled")
        /// The link was closed by its owner.
        package static let closed = Code(description: "closed")
        /// The server sent something that is no reply to what was asked.
        package static let protocolViolation = Code(description: "protocol violation")
        /// The server answered with an error reply; ``RedisError/replyKind`` is its first word.
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
    /// Whether the next attempt to connect would meet the same, until somebody mends it: then nobody should
    /// wait for that attempt.
    var needsMending: Bool {
        [.invalidConfiguration, .tlsFailed, .authenticationFailed, .permissionDenied, .unknownFormat]
            .contains(code)
    }
}

extension RedisError {
    /// Whether the server refused for a state that it, or the one that takes its place, leaves by itself: it loads
    /// data, runs a script, is no primary, misses replicas.
    package var refusalPasses: Bool {
        let kinds = ["LOADING", "BUSY", "TRYAGAIN", "CLUSTERDOWN", "MASTERDOWN", "READONLY", "NOREPLICAS"]
        return replyKind.map(kinds.contains) ?? false
    }

    /// Redis refuses it for as long as something lasts that ends by itself, or that somebody mends: its disk or its
    /// memory is full.
    package var refusalMayEnd: Bool {
        refusalPasses || replyKind == "OOM" || replyKind == "MISCONF"
    }

    /// The same command, if repeating it does no harm, may still succeed.
    package var mayEnd: Bool {
        code != .closed && (delivery != .refused || refusalMayEnd)
    }
}

extension RedisError: CustomStringConvertible {
    package var description: String { delivery == .unknown ? "\(message) (it may have happened)" : message }
}
