public import Foundation
package import RedisLink

/// What went wrong, with what, and whether the operation may have happened all the same.
public struct HoldfastError: Error, Sendable {
    /// What went wrong. Later versions may add codes.
    public struct Code: Sendable, Hashable, CustomStringConvertible {
        /// The code in words.
        public let description: String

        /// Somebody else holds the lock, and the wait limit has passed.
        public static let notAcquired = Code(description: "not acquired")
        /// The lease ended while the work was going on: somebody else may have held the name since.
        public static let lost = Code(description: "lost")
        /// The lease was released before.
        public static let released = Code(description: "released")
        /// A fencing token was requested of a lock that was acquired without one.
        public static let unfenced = Code(description: "unfenced")
        /// The calling task itself holds the lock, in an enclosing `withLock`, and would wait for itself
        /// forever.
        public static let reentrant = Code(description: "reentrant")
        /// A name, a duration or another argument is invalid.
        public static let invalidArgument = Code(description: "invalid argument")
        /// Redis cannot be reached; the operation did not happen.
        public static let unavailable = Code(description: "unavailable")
        /// Redis was asked and did not answer: the operation may or may not have happened.
        public static let unknownOutcome = Code(description: "unknown outcome")
        /// Redis refused the operation: the message has its answer.
        public static let refused = Code(description: "refused")
        /// Redis rejected the user or the password.
        public static let authenticationFailed = Code(description: "authentication failed")
        /// The Redis user lacks a permission that the operation needs: the message says which one to grant.
        public static let permissionDenied = Code(description: "permission denied")
        /// ``Holdfast/Configuration/credentials`` threw or did not return in time; the operation did not
        /// happen.
        public static let credentialsUnavailable = Code(description: "credentials unavailable")
        /// An id is older than the period for which ids are remembered: it may have been done and forgotten.
        public static let tooOld = Code(description: "too old")
        /// The server evicts keys when its memory is full; see ``Holdfast/Configuration/acceptsEviction``.
        public static let unsuitableServer = Code(description: "unsuitable server")
        /// Another version of this library keeps the namespace's data in a format that this one does not
        /// know; see docs/keys.md. Nothing was read or written.
        public static let unknownFormat = Code(description: "unknown format")
        /// This client has been closed.
        public static let closed = Code(description: "closed")
    }

    /// What went wrong.
    public var code: Code
    /// A description for people, with what to do about it where that is known. It contains no secrets.
    public var message: String
    /// Whether the operation may have been carried out although it failed here: by Redis, or by the body that
    /// ran under a lease.
    public var mayHaveHappened: Bool
    /// Who holds the lock, with ``Code/notAcquired``.
    public var holder: Holder?
    /// The underlying error: that of the work whose lease was lost, for example.
    public var underlying: (any Error)?
    /// The first word of Redis' error reply, if there was one.
    private var replyKind: String?

    /// An error like those that Holdfast throws, for tests.
    public init(
        _ code: Code, _ message: String, mayHaveHappened: Bool = false, holder: Holder? = nil,
        underlying: (any Error)? = nil
    ) {
        self.code = code
        self.message = message
        self.mayHaveHappened = mayHaveHappened
        self.holder = holder
        self.underlying = underlying
    }
}

extension HoldfastError: CustomStringConvertible {
    /// The message, the holder, whether the operation may have happened, and the underlying error.
    public var description: String {
        var text = message
        if mayHaveHappened { text += " (it may have happened)" }
        if let underlying { text += "; behind it: \(underlying)" }
        return text
    }
}

extension HoldfastError: LocalizedError {
    /// The same as ``description``.
    public var errorDescription: String? { description }
}

extension HoldfastError {
    /// What an error of the link means for the operation that `subject` names, for example "acquiring the
    /// lock a".
    package init(_ error: RedisError, _ subject: String) {
        let code: Code =
            switch error.code {
            case .closed: .closed
            case .invalidConfiguration: .invalidArgument
            case .authenticationFailed: .authenticationFailed
            case .credentialsUnavailable: .credentialsUnavailable
            case .permissionDenied: .permissionDenied
            case .unknownFormat: .unknownFormat
            default:
                switch error.delivery {
                case .unknown: .unknownOutcome
                case .refused: .refused
                case .notDelivered: .unavailable
                }
            }
        self.init(
            code, "\(subject): \(error.permission?.advice ?? "")\(error.message)\(Self.advice(for: error))",
            mayHaveHappened: error.delivery == .unknown)
        replyKind = error.replyKind
    }

    /// The error of an operation in several steps, `count` of which had been carried out before.
    func happened(_ count: Int) -> HoldfastError {
        var error = self
        if count > 0 { error.mayHaveHappened = true }
        return error
    }

    /// Redis refused because a key holds a value of another type.
    package var isOfWrongType: Bool { replyKind == "WRONGTYPE" }

    private static func advice(for error: RedisError) -> String {
        guard error.replyKind == "WRONGTYPE" else { return "" }
        return
            "; one of its keys is in use for something else: docs/keys.md lists them, rename or delete that one"
    }

    /// The lock `name` was held by `holder` until the wait limit had passed.
    package static func notAcquired(_ name: String, within limit: Duration?, _ holder: Holder)
        -> HoldfastError
    {
        HoldfastError(
            .notAcquired,
            "the lock \(name) was not acquired\(limit.map { " within \($0.text)" } ?? ""); as last seen, it was held by \(holder)",
            holder: holder)
    }

    /// The error to throw for a failure of the link: a cancelled task throws `CancellationError`.
    package static func thrown(for error: RedisError, _ subject: String) -> any Error {
        error.code == .cancelled ? CancellationError() : HoldfastError(error, subject)
    }
}

extension Permission {
    /// What is missing and what to grant, followed by the server's own words.
    fileprivate var advice: String {
        let grant = rule.map { "grant \($0); " } ?? ""
        return "the Redis user lacks the permission \(self); \(grant)"
            + "all that is needed is in docs/operations.md; the server said: "
    }
}
