import Logging

/// What happens to a message that this instance has claimed.
struct MessageEvent: HoldfastEvent {
    let queue: String
    let id: String
    let attempt: Int
    let kind: Kind

    enum Kind: Sendable {
        /// No handler gets it any longer.
        case died(String)
        case lastAttemptFailed(String)
        /// There will be another one.
        case attemptFailed(String)
        /// Its handler asked for that.
        case isToBeRetried
        /// Its handler made a dead letter of it.
        case wasGivenUp(String)
        /// It is left to instances that know its type.
        case isOfUnknownType(String)
        case claimWasLost(LossReason)
        /// Its handler had decided by then.
        case wasTakenOver
    }

    init(_ claim: MessageClaim, of queue: String, _ kind: Kind) {
        self.queue = queue
        id = claim.id
        attempt = claim.attempt
        self.kind = kind
    }

    var level: Logger.Level {
        switch kind {
        case .isToBeRetried: .debug
        case .isOfUnknownType: .notice
        case .attemptFailed, .wasGivenUp, .claimWasLost, .wasTakenOver: .warning
        case .died, .lastAttemptFailed: .error
        }
    }

    var words: String {
        switch kind {
        case .died(let reason): "the message is dead: \(reason)"
        case .lastAttemptFailed(let reason): "the last attempt failed; the message is dead: \(reason)"
        case .attemptFailed(let reason): "the attempt failed; there will be another one: \(reason)"
        case .isToBeRetried: "its handler asked for another attempt"
        case .wasGivenUp(let reason): "its handler dead-lettered the message: \(reason)"
        case .isOfUnknownType(let type):
            "the message is of a type or version that is not known here; left to other instances: \(type)"
        case .claimWasLost(let reason):
            "the claim on message \(id) was lost: \(reason); its handler is cancelled"
        case .wasTakenOver: "the message was taken over; what its handler decided has no effect"
        }
    }

    var metadata: Logger.Metadata {
        [
            "holdfast.queue": .string(queue), "holdfast.message": .string(id),
            "holdfast.attempt": .stringConvertible(attempt),
        ]
    }
}
