public import Foundation
import RedisLink

/// When and in which order a message is handled, and under which conditions it is not added at all.
///
/// ```swift
/// try await orders.send(order, id: order.id, options: SendOptions(.after(.seconds(60)), key: order.user))
/// ```
public struct SendOptions: Hashable, Sendable {
    /// Which of the available messages is claimed first. Expired claims and messages whose time has come go
    /// before new ones of any priority.
    ///
    /// Priorities are strict: no new message begins while one of a higher priority is available. If more
    /// messages of high priority arrive than can be handled, the others wait forever. Give work that must get
    /// its share a queue of its own.
    @nonexhaustive
    public enum Priority: Hashable, Sendable {
        case high
        case normal
        case low
    }

    /// When a message may be handled.
    @nonexhaustive
    public enum Start: Hashable, Sendable {
        /// This long after it was added; at once if that is zero or less.
        case after(Duration)
        /// From this instant, by the clock of the Redis server.
        case at(Date)
    }

    /// A key for which no second message is added for some time, whatever its id.
    public struct Uniqueness: Hashable, Sendable {
        /// The key that only one message may have: 1 to 512 bytes.
        public var key: String
        /// How long no other message with this key is added, counted from when this one was added; at least 1
        /// ms.
        public var window: Duration

        /// - Parameters:
        ///   - key: 1 to 512 bytes.
        ///   - window: counts from the moment a message with the key is added; at least 1 ms.
        public init(_ key: String, for window: Duration) {
            self.key = key
            self.window = window
        }

        /// Keys are compared by bytes, as Redis compares them.
        public static func == (one: Uniqueness, other: Uniqueness) -> Bool {
            ExactText(one.key) == ExactText(other.key) && one.window == other.window
        }

        /// By the key alone.
        public func hash(into hasher: inout Hasher) { hasher.combine(ExactText(key)) }
    }

    /// When an id was made, so that it is refused once it may have been forgotten.
    public struct Origin: Hashable, Sendable {
        /// When the id came into being, by its origin's clock.
        public var made: Date
        /// How old an id that the queue does not know may be; at least 1 ms.
        public var horizon: Duration

        /// - Parameters:
        ///   - made: when the id came into being, by its origin's clock.
        ///   - horizon: an id that is older and unknown is refused, by the clock of the Redis server. At least 1 ms, and
        ///     at most the consumers' ``ConsumerOptions/retention``, less what the two clocks may differ.
        public init(made: Date, horizon: Duration = .seconds(6 * 86_400)) {
            self.made = made
            self.horizon = horizon
        }
    }

    /// Defaults to ``Priority/normal``.
    public var priority: Priority
    /// When the message may be handled; at once by default.
    public var start: Start?
    /// Messages with the same key are handled one at a time, in the order in which they were added. Scheduled
    /// messages get in line when their time comes, and the oldest in line is next. A message that waits for
    /// another attempt keeps the others waiting. 1 to 512 bytes; no order by default.
    public var key: String?
    /// Any number of messages by default.
    public var unique: Uniqueness?
    /// Ids of any age by default.
    public var origin: Origin?

    /// Without arguments: at once, in the order of sending, and whenever the id is new.
    public init(
        _ start: Start? = nil, priority: Priority = .normal, key: String? = nil, unique: Uniqueness? = nil,
        origin: Origin? = nil
    ) {
        self.priority = priority
        self.start = start
        self.key = key
        self.unique = unique
        self.origin = origin
    }

    /// Keys are compared by bytes, as Redis compares them.
    public static func == (one: SendOptions, other: SendOptions) -> Bool {
        one.priority == other.priority && one.start == other.start && one.unique == other.unique
            && one.origin == other.origin && one.key.map(ExactText.init) == other.key.map(ExactText.init)
    }

    /// By the ordering key alone.
    public func hash(into hasher: inout Hasher) { hasher.combine(key.map(ExactText.init)) }
}

extension SendOptions {
    /// The values that enqueue.lua takes for one message, after its id and body.
    var arguments: [RedisArgument] {
        get throws(HoldfastError) {
            for key in [key, unique?.key] {
                guard let count = key?.utf8.count, !(1...512).contains(count) else { continue }
                throw HoldfastError(
                    .invalidArgument, "a message's key must have 1 to 512 bytes, not \(count)")
            }
            let window = try Settings.window(unique?.window)
            let horizon = try Settings.horizon(origin?.horizon)
            let priority =
                switch priority {
                case .high: "h"
                case .normal: ""
                case .low: "l"
                }
            return [.string(priority)] + startArguments + [
                .string(key ?? ""), .string(unique?.key ?? ""),
                window.map { .init(milliseconds: $0) } ?? "",
                origin.map { .integer($0.made.milliseconds) } ?? "",
                horizon.map { .init(milliseconds: $0) } ?? "",
            ]
        }
    }
}

extension SendOptions {
    /// Two values: ms from now, and ms since 1970, at least one of them empty.
    var startArguments: [RedisArgument] {
        switch start {
        case .after(let wait): [.init(milliseconds: wait.asDelay), ""]
        case .at(let date): ["", .integer(date.milliseconds)]
        case nil: ["", ""]
        }
    }
}

extension Date {
    /// Since 1970, at most what scripts reckon with exactly.
    fileprivate var milliseconds: Int64 {
        let limit = Double(1 << 52)
        let milliseconds = timeIntervalSince1970 * 1000
        return milliseconds.isNaN ? 0 : Int64(min(max(milliseconds, -limit), limit))
    }
}
