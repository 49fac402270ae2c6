/// Hashes, sets and lists.
extension MemoryStore {
    func collections(_ command: MemoryCommand) throws(MemoryError) -> MemoryReply? {
        switch command.name {
        case "HSET":
            let pairs = try command.pairs(from: 2)
            return try change(command[1], StoredHash()) { hash throws(MemoryError) in
                .count(pairs.count { hash.fields.updateValue($1, forKey: $0) == nil })
            }
        case "HGET": return .bulk(try fields(command)[command[2]])
        case "HMGET":
            let fields = try fields(command)
            return .array(command.rest(2).map { .bulk(fields[$0]) })
        case "HGETALL": return .array(try fields(command).flatMap { [.bulk($0), .bulk($1)] })
        case "HVALS": return .array(try fields(command).values.map { .bulk($0) })
        case "HLEN": return .count(try fields(command).count)
        case "HDEL":
            return try change(command[1], StoredHash()) { hash throws(MemoryError) in
                .count(command.rest(2).count { hash.fields.removeValue(forKey: $0) != nil })
            }
        case "HINCRBY":
            let (field, amount) = (try command[2], try command.integer(3))
            return try change(command[1], StoredHash()) { hash throws(MemoryError) in
                let sum = try Self.sum(hash.fields[field], amount)
                hash.fields[field] = Array(String(sum).utf8)
                return .integer(sum)
            }
        case "SADD":
            return try change(command[1], StoredSet()) { set throws(MemoryError) in
                .count(command.rest(2).count { set.members.insert($0).inserted })
            }
        case "SMEMBERS":
            return .array(try find(command[1], StoredSet.self)?.members.map { .bulk($0) } ?? [])
        case "SISMEMBER":
            return .count(try find(command[1], StoredSet.self)?.members.contains(command[2]) == true ? 1 : 0)
        case "SCARD": return .count(try find(command[1], StoredSet.self)?.members.count ?? 0)
        case "RPUSH":
            return try change(command[1], StoredList()) { list throws(MemoryError) in
                list.elements += command.rest(2)
                return .count(list.elements.count)
            }
        case "LLEN": return .count(try elements(command).count)
        case "LRANGE":
            let elements = try elements(command)
            return .array(try elements[command.range(2, of: elements.count)].map { .bulk($0) })
        default: return nil
        }
    }

    private func fields(_ command: MemoryCommand) throws(MemoryError) -> [[UInt8]: [UInt8]] {
        try find(command[1], StoredHash.self)?.fields ?? [:]
    }

    private func elements(_ command: MemoryCommand) throws(MemoryError) -> [[UInt8]] {
        try find(command[1], StoredList.self)?.elements ?? []
    }
}

extension MemoryCommand {
    /// From the position in the argument at `index` to that in the next one, both inclusive; negative
    /// positions count from the end.
    func range(_ index: Int, of count: Int) throws(MemoryError) -> Range<Int> {
        let first = try Int(integer(index))
        let last = try Int(integer(index + 1))
        let start = max(first < 0 ? count + first : first, 0)
        let end = min(last < 0 ? count + last : last, count - 1)
        return start <= end ? start..<(end + 1) : 0..<0
    }
}
