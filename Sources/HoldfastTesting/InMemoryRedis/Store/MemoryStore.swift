/// The keys of an ``InMemoryRedis``, and the commands on them that Holdfast and its scripts use.
///
/// It has no clock of its own.
final class MemoryStore {
    private struct Slot {
        var value: StoredValue
        /// In µs since 1970.
        var end: Int64?
    }

    private var slots: [[UInt8]: Slot] = [:]
    /// In µs since 1970.
    private let time: () -> Int64
    /// Sends a message to a channel's subscribers, and returns how many there are.
    let publish: ([UInt8], [UInt8]) -> Int

    init(time: @escaping () -> Int64, publish: @escaping ([UInt8], [UInt8]) -> Int) {
        self.time = time
        self.publish = publish
    }

    /// The time that a script sees, from its beginning to its end.
    private var frozen: Int64?

    var now: Int64 { frozen ?? time() }

    /// Runs a script as a server does, all of it at one instant: no key expires in the middle of it.
    func withTimeStopped<R>(_ script: () throws -> R) rethrows -> R {
        frozen = time()
        defer { frozen = nil }
        return try script()
    }

    // MARK: Keys

    /// The value of a key; nil if there is none.
    ///
    /// - Throws: `WRONGTYPE` for a value of another type.
    func find<Value: StoredValue>(_ key: [UInt8], _ type: Value.Type = Value.self) throws(MemoryError)
        -> Value?
    {
        guard let value = anything(at: key) else { return nil }
        guard let value = value as? Value else { throw .wrongType }
        return value
    }

    func anything(at key: [UInt8]) -> StoredValue? {
        guard let slot = slots[key] else { return nil }
        if let end = slot.end, end <= now {
            slots[key] = nil
            return nil
        }
        return slot.value
    }

    /// Changes the value of a key: creates the key if there is none, and removes it when its value has become
    /// empty.
    func change<Value: StoredValue, R>(
        _ key: [UInt8], _ new: @autoclosure () -> Value, _ body: (Value) throws(MemoryError) -> R
    ) throws(MemoryError) -> R {
        let value: Value
        if let found = try find(key, Value.self) {
            value = found
        } else {
            value = new()
            slots[key] = Slot(value: value)
        }
        defer { if value.isEmpty { slots[key] = nil } }
        return try body(value)
    }

    func put(_ key: [UInt8], _ value: StoredValue, until end: Int64?) {
        slots[key] = Slot(value: value, end: end)
    }

    func remove(_ key: [UInt8]) -> Bool {
        guard anything(at: key) != nil else { return false }
        slots[key] = nil
        return true
    }

    /// When a key that lives for `milliseconds` expires.
    func end(after milliseconds: Int64) throws(MemoryError) -> Int64 {
        let (life, isTooLong) = milliseconds.multipliedReportingOverflow(by: 1000)
        let (end, isTooLate) = now.addingReportingOverflow(life)
        guard !isTooLong, !isTooLate else { throw MemoryError("ERR invalid expire time") }
        return end
    }

    /// False if there is no such key.
    func expire(_ key: [UInt8], at end: Int64) -> Bool {
        guard anything(at: key) != nil else { return false }
        slots[key]?.end = end
        return true
    }

    /// In ms; -1 without an end, -2 without a key.
    func remaining(_ key: [UInt8]) -> Int64 {
        guard anything(at: key) != nil else { return -2 }
        return slots[key]?.end.map { ($0 - now + 999) / 1000 } ?? -1
    }

    var keys: [[UInt8]] {
        slots.keys.filter { anything(at: $0) != nil }
    }

    // MARK: Commands

    /// How often a command has changed something. Extending a key's life does not count: a client that waits
    /// for its end polls it.
    private(set) var changes = 0

    private static let looks: Set = [
        "DBSIZE", "EXISTS", "GET", "HGET", "HGETALL", "HLEN", "HMGET", "HVALS", "INFO", "KEYS", "LLEN",
        "LRANGE", "PEXPIRE",
        "PING", "PTTL", "PUBLISH", "SCAN", "SCARD", "SISMEMBER", "SMEMBERS", "TIME", "TYPE", "XLEN", "XRANGE",
        "XREVRANGE",
        "ZCARD", "ZCOUNT", "ZMSCORE", "ZRANGE", "ZRANGEBYSCORE", "ZSCORE",
    ]
    private static let removals: Set = ["DEL", "HDEL", "XDEL", "XREADGROUP", "ZREM"]

    /// Carries out a command. Its first argument is its name.
    func perform(_ arguments: [[UInt8]]) throws(MemoryError) -> MemoryReply {
        let command = MemoryCommand(arguments)
        let reply = try carryOut(command)
        switch (command.name, reply) {
        case (let name, _) where Self.looks.contains(name): break
        case (let name, .integer(0)) where Self.removals.contains(name): break
        case (let name, .null) where Self.removals.contains(name): break
        default: changes += 1
        }
        return reply
    }

    private func carryOut(_ command: MemoryCommand) throws(MemoryError) -> MemoryReply {
        if let reply = try generic(command) { return reply }
        if let reply = try strings(command) { return reply }
        if let reply = try collections(command) { return reply }
        if let reply = try sortedSets(command) { return reply }
        if let reply = try streams(command) { return reply }
        throw MemoryError(
            "ERR unknown command '\(command.name)': InMemoryRedis has only those that Holdfast uses")
    }

    private func generic(_ command: MemoryCommand) throws(MemoryError) -> MemoryReply? {
        switch command.name {
        case "PING": return .status("PONG")
        case "TIME":
            let now = now
            return .array([.text(String(now / 1_000_000)), .text(String(now % 1_000_000))])
        case "INFO": return .text("# Memory\r\nmaxmemory_policy:noeviction\r\n")
        case "DEL": return .count(command.rest(1).count { remove($0) })
        case "EXISTS": return .count(command.rest(1).count { anything(at: $0) != nil })
        case "TYPE": return .status(try anything(at: command[1]).map { type(of: $0).typeName } ?? "none")
        case "PEXPIRE":
            return .count(expire(try command[1], at: try end(after: command.integer(2))) ? 1 : 0)
        case "PTTL": return .integer(remaining(try command[1]))
        case "DBSIZE": return .count(keys.count)
        case "KEYS":
            let pattern = try command[1]
            return .array(keys.filter { Glob.matches($0[...], pattern[...]) }.map { .bulk($0) })
        case "FLUSHALL":
            slots = [:]
            return .ok
        case "PUBLISH": return .count(publish(try command[1], try command[2]))
        case "SCAN":
            // All at once: there are never many.
            guard try command.word(2) == "MATCH" else { throw .syntax }
            let pattern = try command[3]
            return .array([
                .text("0"), .array(keys.filter { Glob.matches($0[...], pattern[...]) }.map { .bulk($0) }),
            ])
        default: return nil
        }
    }
}

/// A command's words.
struct MemoryCommand {
    let name: String
    private let arguments: [[UInt8]]

    init(_ arguments: [[UInt8]]) {
        self.arguments = arguments
        name = arguments.first?.asText.uppercased() ?? ""
    }

    var count: Int { arguments.count }

    subscript(_ index: Int) -> [UInt8] {
        get throws(MemoryError) {
            guard index < arguments.count else {
                throw MemoryError("ERR wrong number of arguments for '\(name.lowercased())' command")
            }
            return arguments[index]
        }
    }

    func rest(_ index: Int) -> ArraySlice<[UInt8]> { arguments.dropFirst(index) }

    /// A keyword, in capitals; empty if there is none.
    func word(_ index: Int) throws(MemoryError) -> String {
        index < arguments.count ? try self[index].asText.uppercased() : ""
    }

    func integer(_ index: Int) throws(MemoryError) -> Int64 {
        guard let value = Int64(try self[index].asText) else { throw .noInteger }
        return value
    }

    /// The arguments from `index` on, in pairs.
    func pairs(from index: Int) throws(MemoryError) -> [([UInt8], [UInt8])] {
        let rest = rest(index)
        guard !rest.isEmpty, rest.count.isMultiple(of: 2) else { throw .syntax }
        return stride(from: rest.startIndex, to: rest.endIndex, by: 2).map { (rest[$0], rest[$0 + 1]) }
    }
}

/// The patterns of `SCAN`: a star matches any text; a character after a backslash matches itself.
enum Glob {
    static func matches(_ text: ArraySlice<UInt8>, _ pattern: ArraySlice<UInt8>) -> Bool {
        guard let first = pattern.first else { return text.isEmpty }
        let rest = pattern.dropFirst()
        switch first {
        case UInt8(ascii: "*"):
            return (text.startIndex...text.endIndex).contains { matches(text[$0...], rest) }
        case UInt8(ascii: "?"): return !text.isEmpty && matches(text.dropFirst(), rest)
        case UInt8(ascii: "\\") where !rest.isEmpty:
            return text.first == rest.first && matches(text.dropFirst(), rest.dropFirst())
        default: return text.first == first && matches(text.dropFirst(), rest)
        }
    }
}
