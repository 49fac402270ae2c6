import RedisLink

/// What settle.lua answers.
struct SettlementAnswers: Sendable {
    /// One for each message.
    var answers: [Settlement.Answer]
    var strays: [Stray]
}

extension ScriptCall<SettlementAnswers> {
    static func settle(
        _ settlements: some Collection<Settlement>, queue: QueueKeys, options: ConsumerOptions
    ) -> Self {
        let check = ReplyCheck.random()
        let built = SettlementArguments(settlements, queue: queue, options: options, check: check)
        let count = settlements.count
        return Self(Scripts.settle, keys: built.keys, built.arguments, check: check) { reply in
            let values = reply.value.array?.dropFirst() ?? []
            let answers = values.prefix(count).compactMap(Settlement.Answer.init)
            guard answers.count == count, let strays = Stray.all(in: values.dropFirst(count)) else {
                return nil
            }
            return SettlementAnswers(answers: answers, strays: strays)
        }
    }
}

extension Settlement.Answer {
    fileprivate init?(_ value: RedisValue) {
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

/// Builds the arguments of settle.lua, and declares the keys they number.
private struct SettlementArguments {
    private(set) var keys: [String]
    private(set) var arguments: [RedisArgument]
    private let queue: QueueKeys
    /// By their short names, so that a name is not made longer for each effect.
    private var effectKeys: [ExactText: Int] = [:]
    private var otherKeys: [ExactText: Int] = [:]

    init(
        _ settlements: some Collection<Settlement>, queue: QueueKeys, options: ConsumerOptions,
        check: ReplyCheck
    ) {
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
