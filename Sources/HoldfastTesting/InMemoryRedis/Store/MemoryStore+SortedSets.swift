extension MemoryStore {
    func sortedSets(_ command: MemoryCommand) throws(MemoryError) -> MemoryReply? {
        switch command.name {
        case "ZADD": return try add(command)
        case "ZREM":
            return try change(command[1], StoredSortedSet()) { set throws(MemoryError) in
                .count(command.rest(2).count { set.remove($0) })
            }
        case "ZCARD": return .count(try sortedSet(command)?.places.count ?? 0)
        case "ZSCORE": return .score(try sortedSet(command)?.scores[command[2]])
        case "ZMSCORE":
            let scores = try sortedSet(command)?.scores ?? [:]
            return .array(command.rest(2).map { .score(scores[$0]) })
        case "ZRANGE": return try range(command)
        case "ZCOUNT":
            let (least, most) = (try Self.score(command[2]), try Self.score(command[3]))
            return .count(try sortedSet(command)?.places.count { $0.score >= least && $0.score <= most } ?? 0)
        case "ZRANGEBYSCORE":
            let (least, most) = (try Self.score(command[2]), try Self.score(command[3]))
            var found = try sortedSet(command)?.places.filter { $0.score >= least && $0.score <= most } ?? []
            var showsScores = false
            var index = 4
            while index < command.count {
                switch try command.word(index) {
                case "WITHSCORES": showsScores = true
                case "LIMIT":
                    found = Array(
                        found.dropFirst(Int(try command.integer(index + 1))).prefix(
                            Int(try command.integer(index + 2))))
                    index += 2
                default: throw .syntax
                }
                index += 1
            }
            return Self.reply(found[...], showsScores)
        default: return nil
        }
    }

    private func sortedSet(_ command: MemoryCommand) throws(MemoryError) -> StoredSortedSet? {
        try find(command[1])
    }

    private func add(_ command: MemoryCommand) throws(MemoryError) -> MemoryReply {
        var first = 2
        let mode = try command.word(2)
        if mode == "NX" || mode == "XX" { first = 3 }
        let pairs = try command.pairs(from: first)
        let scores = try pairs.map { pair throws(MemoryError) in try Self.score(pair.0) }
        return try change(command[1], StoredSortedSet()) { set throws(MemoryError) in
            var added: Int64 = 0
            for (score, (_, member)) in zip(scores, pairs) {
                let isKnown = set.scores[member] != nil
                if isKnown ? mode == "NX" : mode == "XX" { continue }
                set.set(member, to: score)
                if !isKnown { added += 1 }
            }
            return .integer(added)
        }
    }

    private func range(_ command: MemoryCommand) throws(MemoryError) -> MemoryReply {
        let places = try sortedSet(command)?.places ?? []
        guard try command.word(4) == "BYLEX" else {
            let showsScores = try command.word(4) == "WITHSCORES"
            guard command.count == (showsScores ? 5 : 4) else { throw .syntax }
            return Self.reply(places[try command.range(2, of: places.count)], showsScores)
        }
        // Only what the scripts use: inclusive ends, and a limit.
        let (first, last) = (try command[2], try command[3])
        guard first.first == UInt8(ascii: "["), last.first == UInt8(ascii: "["),
            try command.word(5) == "LIMIT"
        else {
            throw .syntax
        }
        let found = places.filter {
            !$0.member.lexicographicallyPrecedes(first.dropFirst())
                && !last.dropFirst().lexicographicallyPrecedes($0.member)
        }
        return Self.reply(
            found.dropFirst(Int(try command.integer(6))).prefix(Int(try command.integer(7))), false)
    }

    private static func reply(_ places: ArraySlice<StoredSortedSet.Place>, _ showsScores: Bool) -> MemoryReply
    {
        .array(places.flatMap { showsScores ? [.bulk($0.member), .score($0.score)] : [.bulk($0.member)] })
    }

    private static func score(_ bytes: [UInt8]) throws(MemoryError) -> Double {
        guard let score = LuaNumber.parse(bytes) else { throw .noFloat }
        return score
    }
}
