extension MemoryStore {
    func streams(_ command: MemoryCommand) throws(MemoryError) -> MemoryReply? {
        switch command.name {
        case "XADD": return try append(command)
        case "XDEL":
            let ids = try command.rest(2).map { id throws(MemoryError) in try Self.id(id, number: 0) }
            guard let stream = try stream(command) else { return .integer(0) }
            return .count(
                ids.count { id in
                    let index = stream.entries.firstIndex(from: StoredStream.Entry(id: id, fields: []))
                    guard stream.entries.indices.contains(index), stream.entries[index].id == id else {
                        return false
                    }
                    stream.entries.remove(at: index)
                    return true
                })
        case "XLEN": return .count(try stream(command)?.entries.count ?? 0)
        case "XRANGE": return try range(command, from: 2, to: 3, backwards: false)
        case "XREVRANGE": return try range(command, from: 3, to: 2, backwards: true)
        case "XGROUP": return try makeGroup(command)
        case "XREADGROUP": return try read(command)
        default: return nil
        }
    }

    private func stream(_ command: MemoryCommand) throws(MemoryError) -> StoredStream? {
        try find(command[1])
    }

    private func append(_ command: MemoryCommand) throws(MemoryError) -> MemoryReply {
        var index = 2
        var most: Int?
        if try command.word(index) == "MAXLEN" {
            most = Int(try command.integer(index + 1))
            index += 2
        }
        let given = try command.word(index) == "*" ? nil : Self.id(command[index], number: 0)
        let fields = try command.pairs(from: index + 1).flatMap { [$0, $1] }
        let milliseconds = UInt64(now / 1000)
        return try change(command[1], StoredStream()) { stream throws(MemoryError) in
            let fresh = StoredStream.ID(milliseconds: milliseconds, number: 0)
            let id = given ?? max(fresh, stream.last.next)
            guard id > stream.last else {
                throw MemoryError(
                    "ERR The ID specified in XADD is equal or smaller than the target stream top item")
            }
            stream.last = id
            stream.entries.append(StoredStream.Entry(id: id, fields: fields))
            if let most, stream.entries.count > most {
                stream.entries.removeFirst(stream.entries.count - most)
            }
            return .bulk(id.bytes)
        }
    }

    private func range(
        _ command: MemoryCommand, from: Int, to: Int, backwards: Bool
    ) throws(MemoryError) -> MemoryReply {
        let first = try Self.bound(command[from], number: 0, open: 1)
        let last = try Self.bound(command[to], number: .max, open: -1)
        let count = try command.word(4) == "COUNT" ? Int(command.integer(5)) : .max
        let found = try stream(command)?.range(first, last) ?? []
        let entries = backwards ? Array(found.reversed().prefix(count)) : Array(found.prefix(count))
        return .array(entries.map(Self.reply))
    }

    private func makeGroup(_ command: MemoryCommand) throws(MemoryError) -> MemoryReply {
        guard try command.word(1) == "CREATE", try command.word(4) == "0", try command.word(5) == "MKSTREAM"
        else {
            throw .syntax
        }
        let group = try command[3]
        return try change(command[2], StoredStream()) { stream throws(MemoryError) in
            guard stream.groups[group] == nil else {
                throw MemoryError("BUSYGROUP Consumer Group name already exists")
            }
            stream.groups[group] = StoredStream.ID(milliseconds: 0, number: 0)
            return .ok
        }
    }

    /// XREADGROUP GROUP <group> <consumer> COUNT <n> NOACK STREAMS <key> >
    private func read(_ command: MemoryCommand) throws(MemoryError) -> MemoryReply {
        guard try command.word(4) == "COUNT", try command.word(6) == "NOACK",
            try command.word(7) == "STREAMS",
            try command.word(9) == ">"
        else { throw .syntax }
        let (group, key) = (try command[2], try command[8])
        guard let stream = try find(key, StoredStream.self), let position = stream.groups[group] else {
            throw MemoryError("NOGROUP No such key '\(key.asText)' or consumer group '\(group.asText)'")
        }
        let top = StoredStream.ID(milliseconds: .max, number: .max)
        let found = stream.range(position.next, top).prefix(Int(try command.integer(5)))
        guard let last = found.last else { return .null }
        stream.groups[group] = last.id
        return .array([.array([.bulk(key), .array(found.map(Self.reply))])])
    }

    private static func reply(_ entry: StoredStream.Entry) -> MemoryReply {
        .array([.bulk(entry.id.bytes), .array(entry.fields.map { .bulk($0) })])
    }

    private static func bound(
        _ bytes: [UInt8], number: UInt64, open: Int
    ) throws(MemoryError) -> StoredStream.ID {
        switch bytes {
        case [UInt8(ascii: "-")]: return StoredStream.ID(milliseconds: 0, number: 0)
        case [UInt8(ascii: "+")]: return StoredStream.ID(milliseconds: .max, number: .max)
        default: break
        }
        guard bytes.first == UInt8(ascii: "(") else { return try id(bytes, number: number) }
        guard open > 0 else { throw .syntax }
        return try id(Array(bytes.dropFirst()), number: number).next
    }

    /// - Parameter number: the second half, for an id that has none.
    private static func id(_ bytes: [UInt8], number: UInt64) throws(MemoryError) -> StoredStream.ID {
        let parts = bytes.asText.split(separator: "-", omittingEmptySubsequences: false)
        guard let milliseconds = parts.first.flatMap({ UInt64($0) }), parts.count <= 2,
            let number = parts.count == 2 ? UInt64(parts[1]) : number
        else { throw MemoryError("ERR Invalid stream ID specified as stream command argument") }
        return StoredStream.ID(milliseconds: milliseconds, number: number)
    }
}
