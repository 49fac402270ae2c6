/// One thing that goes wrong on purpose.
package struct Fault: Codable, Hashable, Sendable {
    package enum Kind: String, Codable, Hashable, Sendable, CaseIterable {
        /// SIGKILL: the process is gone between two instructions, with everything it had claimed.
        case kill
        /// SIGSTOP for longer than the lease, then SIGCONT: the process wakes in the middle of a step and
        /// still believes in claims that others have taken over.
        case pause
        /// The redis-server dies by SIGKILL and starts again on the same files.
        case restartRedis = "restart-redis"
    }

    /// What it hits.
    package enum Victim: Hashable, Sendable {
        /// The instance in this slot, counted from 1. A replacement keeps the slot of the one that died.
        case slot(Int)
        /// Whichever instance is in the middle of a tick, between its start and its write.
        case tickRunner
        case redis
    }

    package var kind: Kind
    package var victim: Victim
    /// When it strikes: the fraction of all messages whose effect is done, from 0 to 1. Moments are set by
    /// progress and not by the clock, so that faults hit while work is under way, on a fast machine as on a
    /// slow one.
    package var moment: Double
    /// How long a pause lasts, as a multiple of the lease; nil for other kinds.
    package var pauseInLeases: Double?

    package init(_ kind: Kind, _ victim: Victim, at moment: Double, pauseInLeases: Double? = nil) {
        self.kind = kind
        self.victim = victim
        self.moment = moment
        self.pauseInLeases = pauseInLeases
    }
}

extension Fault.Victim: CustomStringConvertible {
    package var description: String {
        switch self {
        case .slot(let number): "instance \(number)"
        case .tickRunner: "the tick's runner"
        case .redis: "redis-server"
        }
    }
}

extension Fault.Victim: Codable {
    private static let tickRunnerName = "tick-runner"
    private static let redisName = "redis"

    package init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        if let slot = try? container.decode(Int.self) {
            self = .slot(slot)
            return
        }
        switch try container.decode(String.self) {
        case Self.tickRunnerName: self = .tickRunner
        case Self.redisName: self = .redis
        case let other:
            throw DecodingError.dataCorruptedError(in: container, debugDescription: "unknown victim \(other)")
        }
    }

    package func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        switch self {
        case .slot(let number): try container.encode(number)
        case .tickRunner: try container.encode(Self.tickRunnerName)
        case .redis: try container.encode(Self.redisName)
        }
    }
}
