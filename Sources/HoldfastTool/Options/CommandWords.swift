internal import ArgumentParser
internal import RedisLink

/// A command that does nothing without one of its subcommands.
protocol CommandGroup: AsyncParsableCommand {}

extension CommandGroup {
    func run() async throws {
        Console.note(HoldfastCommand.helpMessage(for: Self.self) + "\n")
        throw ExitCode(ExitStatus.usage)
    }
}

/// The words that name a command, such as `queues dead ls`.
enum CommandWords {
    /// What is wrong with the first of `arguments` that should be the name of a command but is not; nil if
    /// each is one. ArgumentParser only says that it did not expect it.
    static func trouble(in arguments: [String], of root: any ParsableCommand.Type) -> String? {
        var command = root
        var path = name(of: root)
        for word in arguments {
            let known = command.configuration.subcommands
            guard !known.isEmpty, !word.hasPrefix("-"), word != "help" else { return nil }
            guard let next = known.first(where: { name(of: $0) == word }) else {
                let names = known.filter { $0.configuration.shouldDisplay }.map { name(of: $0) }
                let advice =
                    suggestion(for: word, among: names).map { "Did you mean '\(path) \($0)'?" }
                    ?? "Its commands are: \(names.joined(separator: ", "))."
                return "'\(path)' has no command '\(TerminalText.escaped(word))'. \(advice)"
            }
            command = next
            path += " \(word)"
        }
        return nil
    }

    /// What somebody who wrote `word` probably meant, if there is a good guess.
    static func suggestion(for word: String, among names: [String]) -> String? {
        let habits = ["list": "ls", "delete": "rm", "remove": "rm", "retry": "replay", "unpause": "resume"]
        if let habit = habits[word], names.contains(habit) { return habit }
        let near = names.map { (name: $0, distance: distance(word, $0)) }
            .filter { $0.distance <= max(1, $0.name.count / 3) }
        return near.min { $0.distance < $1.distance }?.name
            ?? names.first { !word.isEmpty && $0.hasPrefix(word) }
    }

    /// How many letters must be inserted, left out, changed, or swapped with their neighbour.
    private static func distance(_ one: String, _ other: String) -> Int {
        let (one, other) = (Array(one.prefix(100)), Array(other.prefix(100)))
        var before: [Int] = []
        var last = Array(0...other.count)
        for (i, letter) in one.enumerated() {
            var row = [i + 1]
            for (j, expected) in other.enumerated() {
                var cost = min(row[j] + 1, last[j + 1] + 1, last[j] + (letter == expected ? 0 : 1))
                if i > 0, j > 0, letter == other[j - 1], one[i - 1] == expected {
                    cost = min(cost, before[j - 1] + 1)
                }
                row.append(cost)
            }
            (before, last) = (last, row)
        }
        return last[other.count]
    }

    private static func name(of command: any ParsableCommand.Type) -> String {
        command.configuration.commandName ?? ""
    }
}
