import RedisLink

/// The names of a namespace that have a key of one part, one step of `SCAN` after the other: each of them once, however
/// often `SCAN` tells of its key.
struct KeyScan {
    private let core: Core
    private let part: String
    private let pattern: NamePattern?
    private let match: RedisArgument
    private var cursor: String? = "0"
    private var seen: Set<[UInt8]> = []

    init(_ core: Core, part: String, matching pattern: NamePattern? = nil) {
        self.core = core
        self.part = part
        self.pattern = pattern
        match = .bytes(core.keys.pattern(part: part, beginning: pattern?.beginning ?? []))
    }

    /// The names that the next step finds, none perhaps; nil at the end. One round trip, for a thousand keys of the
    /// database.
    mutating func next() async throws(RedisError) -> [String]? {
        guard let start = cursor else { return nil }
        let reply = try await core.link.send(["SCAN", .string(start), "MATCH", match, "COUNT", "1000"])
            .value.array
        cursor = reply?.first?.string
        if cursor == "0" { cursor = nil }
        var names: [String] = []
        for key in reply?.last?.array ?? [] {
            guard let bytes = key.bytes, seen.insert(bytes).inserted else { continue }
            guard let text = String(validating: bytes, as: UTF8.self) else {
                let shown = String(decoding: bytes, as: UTF8.self)
                core.observers.tell(LeftOut(words: "left out a key whose name is not UTF-8: \(shown)"))
                continue
            }
            guard let name = core.keys.name(inKey: text, part: part), pattern?.matches(name) ?? true else {
                continue
            }
            names.append(name)
        }
        return names
    }
}

extension Core {
    /// The names that have a key of that part, sorted. One round trip for each thousand keys of the database.
    func names(withPart part: String) async throws(RedisError) -> [String] {
        var scan = KeyScan(self, part: part)
        var names: [String] = []
        while let found = try await scan.next() { names += found }
        return names.sortedByBytes { $0 }
    }

    /// Asks about each of `items`. Some hundreds of questions are sent together, so that a list takes a few
    /// round trips rather than one for each item.
    package func each<Item: Sendable, Answer: Sendable>(
        _ items: [Item], _ ask: @escaping @Sendable (Item) async throws -> Answer
    ) async throws -> [Answer] {
        var answers: [Answer] = []
        answers.reserveCapacity(items.count)
        var rest = items[...]
        while !rest.isEmpty {
            let chunk = rest.prefix(500)
            answers += try await withThrowingTaskGroup(of: (Int, Answer).self) { group in
                for (index, item) in zip(chunk.indices, chunk) {
                    group.addTask(executorPreference: link.taskExecutor) { (index, try await ask(item)) }
                }
                var found: [Int: Answer] = [:]
                for try await (index, answer) in group { found[index] = answer }
                return chunk.indices.compactMap { found[$0] }
            }
            rest = rest.dropFirst(chunk.count)
        }
        return answers
    }
}

extension Sequence {
    /// In the order in which Redis would sort them, and every other program that compares bytes.
    package func sortedByBytes(_ text: (Element) -> String) -> [Element] {
        sorted { text($0).utf8.lexicographicallyPrecedes(text($1).utf8) }
    }
}
