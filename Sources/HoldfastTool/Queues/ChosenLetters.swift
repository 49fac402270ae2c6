internal import ArgumentParser
internal import Holdfast
internal import HoldfastSimulation

/// Which dead letters a command is about: some by their own names, some by their messages' ids.
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
            throw ValidationError("Name letters, or messages by --id, or give --all, one of both.")
        }
    }

    /// The letters' names, and what of the messages has none.
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

    /// Does something to the chosen letters, or to all that are there when it begins, some hundreds at a time.
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
        // One that dies again comes behind these, and is not replayed a second time.
        let count = try await store.stats().dead
        try await store.forEachPage(atMost: count) { try await work($0.map(\.letter)) }
        return []
    }

    /// Names what is not there, which is an error.
    static func tell(_ missing: [String]) throws {
        guard !missing.isEmpty else { return }
        let names = missing.map { TerminalText.escaped($0) }.joined(separator: ", ")
        Console.say("not among the dead letters: \(names)")
        throw ExitCode(ExitStatus.failed)
    }
}

extension QueueStore {
    /// The dead letters, the oldest first, as they are read page by page.
    func forEachPage(
        atMost limit: Int, _ take: ([DeadLetter]) async throws -> Void
    ) async throws {
        var last: String?
        var left = limit
        while left > 0 {
            let letters = try await deadLetters(after: last, limit: min(500, left))
            guard !letters.isEmpty else { return }
            try await take(letters)
            left -= letters.count
            last = letters.last?.letter
        }
    }
}
