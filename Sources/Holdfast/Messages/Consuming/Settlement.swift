import RedisLink

/// How one claim is to end.
struct Settlement: Sendable {
    enum Verdict: Sendable {
        case commit(Effects)
        case retry(after: Duration)
        case bury(reason: String)
        /// Not handled: given back without using up an attempt.
        case giveBack
        /// Not for this instance: left to others, for a while at least, without using up an attempt.
        case leave(for: Duration)
    }

    /// What settle.lua answers for one message.
    enum Answer: Hashable, Sendable {
        case done
        /// The claim is not ours any more: whoever owns it now decides.
        case lost
        /// An effect could not be applied; the claim is still ours.
        case refused(String)

        init?(_ value: RedisValue) {
            switch value.string {
            case "committed", "already", "retried", "buried", "returned": self = .done
            case "lost": self = .lost
            case let text?:
                guard let why = text.rest(after: "refused: ") else { return nil }
                self = .refused(why.printable())
            case nil: return nil
            }
        }
    }

    let claim: MessageClaim
    let verdict: Verdict

    /// How much work it is for the script.
    var weight: Int {
        guard case .commit(let effects) = verdict else { return 1 }
        return 1 + effects.all.count + effects.followUps.count
    }
}

/// One call of settle.lua.
struct SettlementCall {
    private(set) var keys: [String]
    private(set) var arguments: [RedisArgument]
    let check = ReplyCheck.random()
    private let queue: QueueKeys
    /// By their short names, so that a name is not made longer for each effect.
    private var effectKeys: [ExactText: Int] = [:]
    private var otherKeys: [ExactText: Int] = [:]

    init(_ settlements: some Collection<Settlement>, queue: QueueKeys, options: ConsumerOptions) {
        self.queue = queue
        keys = queue.forSettling
        arguments = [
            .init(milliseconds: options.retention), check.argument, .string(queue.wake),
            .init(options.deadLetters), options.totalConcurrency == nil ? "0" : "1",
        ]
        arguments.reserveCapacity(5 + 5 * settlements.count)
        for settlement in settlements { append(settlement) }
    }

    private mutating func append(_ settlement: Settlement) {
        let claim = settlement.claim
        arguments += [.string(claim.entry), claim.idArgument, .string(claim.owner)]
        switch settlement.verdict {
        case .commit(let effects):
            arguments += ["commit", .init(effects.all.count + effects.followUps.count)]
            for effect in effects.all {
                arguments += [.string(effect.command.rawValue), .init(number(ofEffectKey: effect.key))]
                arguments += effect.arguments
            }
            for (index, message) in effects.followUps.enumerated() {
                append(message, id: message.id(after: claim.id, number: index + 1))
            }
        case .retry(let delay): arguments += ["retry", .init(milliseconds: delay)]
        case .bury(let reason): arguments += ["bury", .string(reason)]
        case .giveBack: arguments += ["return", "0"]
        case .leave(let time): arguments += ["return", .init(milliseconds: time)]
        }
    }

    private mutating func append(_ message: FollowUp, id: String) {
        let options = message.options ?? SendOptions()
        arguments += [
            "SEND", .init(number(ofKey: message.queue.stream(of: options.priority))),
            .init(number(ofKey: message.queue.ledger)), .string(message.queue.wake), .string(id),
            .string(message.type), .bytes(message.body),
        ]
        arguments += options.startArguments + [.string(options.key ?? "")]
    }

    /// Each key is declared once, however many effects write to it.
    private mutating func number(ofEffectKey name: String) -> Int {
        let short = ExactText(name)
        if let number = effectKeys[short] { return number }
        let number = number(ofKey: queue.effect(name))
        effectKeys[short] = number
        return number
    }

    private mutating func number(ofKey key: String) -> Int {
        let exact = ExactText(key)
        if let number = otherKeys[exact] { return number }
        keys.append(key)
        let number = keys.count - queue.forSettling.count
        otherKeys[exact] = number
        return number
    }
}
