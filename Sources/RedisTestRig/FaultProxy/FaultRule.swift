/// The two halves of a connection.
package enum FaultDirection: String, Sendable, CaseIterable {
    /// From the client to the server.
    case request
    /// From the server to the client.
    case reply
}

/// What happens to a request, to a reply, or to the connection it came on.
package enum FaultAction: Sendable, Hashable {
    /// This message and all later ones in its direction are delayed.
    case delay(Duration)
    /// The message is swallowed: a request is never executed; a reply's command was. Later messages pass, so
    /// that without ``reset``, ``close`` or ``blackHole(_:)`` after it, every later reply is one place too
    /// early, which no network does.
    case drop
    /// A request is sent twice, and the second reply is swallowed.
    case duplicate
    /// Only the first bytes pass; then both sides are closed, unless the rule names another end.
    case cut(after: Int)
    /// The message passes in pieces of this many bytes, each in a write of its own.
    case slices(of: Int)
    /// Something else passes in place of the message.
    case replace([UInt8])
    /// Something passes in the message's direction after it: a reply that nobody asked for.
    case inject([UInt8])
    /// A reply waits for the next one and passes after it.
    case swap
    /// After the message nothing passes in this direction any more, and neither side is notified.
    case blackHole(FaultDirection)
    /// The receiving side sees the end of the stream; the other direction continues.
    case halfClose
    /// Both sides are closed, after what has passed already.
    case close
    /// Both sides are closed with a RST, where the transport has one.
    case reset
}

/// Which messages are hit, and by what.
package struct FaultRule: Sendable {
    package enum When: Sendable, Hashable {
        case always
        /// The n-th of them, from 1.
        case call(Int)
        /// Every n-th of them.
        case every(Int)
        /// Each with this probability, by the proxy's seed.
        case chance(Double)
    }

    package var direction: FaultDirection
    /// The name of the command; nil hits all. `MESSAGE` is what a subscriber receives unasked.
    package var command: String?
    package var when: When
    /// Carried out in this order. An action that ends the connection comes last.
    package var actions: [FaultAction]

    package init(
        _ direction: FaultDirection, of command: String? = nil, _ when: When = .always,
        _ actions: [FaultAction]
    ) {
        self.direction = direction
        self.command = command?.uppercased()
        self.when = when
        self.actions = actions
    }
}

/// The rules in force, and how often each has matched.
struct FaultRuleBook: Sendable {
    private var rules: [FaultRule]
    private var matches: [Int]
    private let seed: UInt64

    init(rules: [FaultRule], seed: UInt64) {
        self.rules = rules
        self.seed = seed
        matches = Array(repeating: 0, count: rules.count)
    }

    mutating func replace(_ rules: [FaultRule]) {
        self.rules = rules
        matches = Array(repeating: 0, count: rules.count)
    }

    /// What to do with a message: the actions of all rules that hit it.
    mutating func actions(for command: String, _ direction: FaultDirection) -> [FaultAction] {
        var actions: [FaultAction] = []
        for (index, rule) in rules.enumerated() {
            guard rule.direction == direction, rule.command == nil || rule.command == command else {
                continue
            }
            matches[index] += 1
            if hits(rule.when, rule: index, match: matches[index]) { actions += rule.actions }
        }
        return actions
    }

    private func hits(_ when: FaultRule.When, rule: Int, match: Int) -> Bool {
        switch when {
        case .always: return true
        case .call(let number): return match == number
        case .every(let number): return match % number == 0
        case .chance(let probability):
            // One draw from a generator of its own, so that the draw depends on nothing but these numbers.
            var generator = SeededGenerator(seed: seed ^ UInt64(rule + 1) << 48 ^ UInt64(match))
            return generator.unit() < probability
        }
    }
}
