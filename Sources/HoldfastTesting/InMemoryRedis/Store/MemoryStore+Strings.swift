extension MemoryStore {
    func strings(_ command: MemoryCommand) throws(MemoryError) -> MemoryReply? {
        switch command.name {
        case "GET": return .bulk(try find(command[1], StoredString.self)?.bytes)
        case "SET": return try set(command)
        case "INCRBY": return .integer(try add(command.integer(2), to: command[1]))
        case "INCR": return .integer(try add(1, to: command[1]))
        default: return nil
        }
    }

    private func set(_ command: MemoryCommand) throws(MemoryError) -> MemoryReply {
        let key = try command[1]
        var (onlyNew, onlyOld) = (false, false)
        var returnsOld = false
        var end: Int64?
        var index = 3
        while index < command.count {
            switch try command.word(index) {
            case "NX": onlyNew = true
            case "XX": onlyOld = true
            case "GET": returnsOld = true
            case "PX":
                index += 1
                let time = try command.integer(index)
                guard time > 0 else { throw MemoryError("ERR invalid expire time in 'set' command") }
                end = try self.end(after: time)
            default: throw .syntax
            }
            index += 1
        }
        let old = returnsOld ? try find(key, StoredString.self) : nil
        if anything(at: key) == nil ? onlyOld : onlyNew { return .null }
        let value = StoredString()
        value.bytes = try command[2]
        put(key, value, until: end)
        return returnsOld ? .bulk(old?.bytes) : .ok
    }

    private func add(_ amount: Int64, to key: [UInt8]) throws(MemoryError) -> Int64 {
        try change(key, StoredString()) { value throws(MemoryError) in
            let sum = try Self.sum(value.bytes.isEmpty ? nil : value.bytes, amount)
            value.bytes = Array(String(sum).utf8)
            return sum
        }
    }

    static func sum(_ old: [UInt8]?, _ amount: Int64) throws(MemoryError) -> Int64 {
        guard let number = old.map({ Int64($0.asText) }) ?? 0 else { throw .noInteger }
        let (sum, overflow) = number.addingReportingOverflow(amount)
        guard !overflow else { throw MemoryError("ERR increment or decrement would overflow") }
        return sum
    }
}
