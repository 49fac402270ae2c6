internal import ArgumentParser
internal import Holdfast
internal import RedisLink

/// The dead letters a command is about: some by their own names, some by their messages' ids.
struct ChosenLetters: ParsableArguments {
    @Argument(help: "The letters, as 'queues dead ls' names them.")
    var letters: [String] = []

    @Option(
        name: .customLong("id"),
        help: ArgumentHelp(
            "All letters of the message with this id; it may be given several times.", valueName: "id"))
    var ids: [String] = []

    private var isEmpty: Bool { letters.isEmpty && ids.isEmpty }

    func check() throws {
        if isEmpty { throw ValidationError("Name letters, or messages by --id.") }
    }

    func check(orAll all: Bool) throws {
        if all != isEmpty {
            throw ValidationError("Either name letters, or messages by --id, or give --all.")
        }
    }

    /// The letters' names, and the ids of the messages that have none.
    func names(in store: QueueStore) async throws -> (names: [String], missing: [String]) {
        var names = letters
        var missing: [String] = []
        for id in ids {
            let found = try await store.letters(ofMessage: id)
            if found.isEmpty { missing.append(id) }
            names += found
        }
        return (names, missing)
    }

    /// Does something to the chosen letters, or to all that are there when it begins, a few hundred at a
    /// time.
    ///
    /// - Returns: the ids of messages that have no letter.
    func each(
        in store: QueueStore, all: Bool, _ work: ([String]) async throws -> Void
    ) async throws -> [String] {
        guard all else {
            let (names, missing) = try await self.names(in: store)
            try await work(names)
            return missing
        }
        // A message that dies from now on, perhaps again, is listed after the newest, and is not taken. A
        // count could not distinguish it from those before it: somebody else may remove some of them
        // meanwhile.
        guard let newest = try await store.newestDeadLetter() else { return [] }
        try await store.forEachPage(through: newest) { try await work($0.map(\.entry)) }
        return []
    }

    /// Reports what is not there, which is an error.
    static func tell(_ missing: [String]) throws {
        guard !missing.isEmpty else { return }
        let names = missing.map { TerminalText.escaped($0) }.joined(separator: ", ")
        Console.say("not among the dead letters: \(names)")
        throw ExitCode(ExitStatus.failed)
    }
}

extension QueueStore {
    /// The dead letters, oldest first, as they are read page by page.
    ///
    /// - Parameter newest: The last one that counts, whether it is still there or not. Defaults to all.
    func forEachPage(
        atMost limit: Int = .max, through newest: String? = nil, _ take: ([DeadLetter]) async throws -> Void
    ) async throws {
        let end = newest.map(Self.numbers)
        var last: String?
        var left = limit
        while left > 0 {
            let page = try await deadLetters(after: last, limit: min(500, left))
            let letters = page.filter { letter in
                end.map { !$0.lexicographicallyPrecedes(Self.numbers(letter.entry)) } ?? true
            }
            guard !letters.isEmpty else { return }
            try await take(letters)
            left -= letters.count
            last = letters.last?.entry
        }
    }

    /// A letter's two numbers, by which letters are ordered; as text, `9-0` would sort after `10-0`.
    private static func numbers(_ letter: String) -> [UInt64] {
        letter.split(separator: "-").compactMap { UInt64($0) }
    }
}
