internal import ArgumentParser
internal import Holdfast
internal import RedisLink

extension ConnectionOptions {
    /// Reports a queue that nobody has ever used: its name or its namespace may be mistyped.
    func sayIfUnknown(queue name: String, on holdfast: Holdfast) async throws {
        if let text = try await unknownText(of: name, on: holdfast) { Console.say(text) }
    }

    /// Ends a command that would change a queue that nobody has ever used, before it changes anything.
    func requireKnown(queue name: String, on holdfast: Holdfast) async throws {
        guard let text = try await unknownText(of: name, on: holdfast) else { return }
        Console.say("nothing was changed: \(text)")
        throw ExitCode(ExitStatus.failed)
    }

    /// Nil for a queue that is registered or holds something: other clients do not register theirs.
    private func unknownText(of name: String, on holdfast: Holdfast) async throws -> String? {
        let known = try await holdfast.queueNames().usable
        guard !known.contains(where: { $0.utf8.elementsEqual(name.utf8) }) else { return nil }
        let stats = try await holdfast.store(ofQueue: name).status()
        guard stats.ready + stats.inFlight + stats.delayed + stats.blocked + stats.dead == 0,
            stats.pausedFor == nil
        else { return nil }
        let advice = CommandWords.suggestion(for: name, among: known).map {
            ". Did you mean '\(TerminalText.escaped($0))'?"
        }
        return
            "nobody has used a queue \(TerminalText.escaped(name)) in the namespace \(placeText(of: holdfast))"
            + (advice ?? "")
    }
}
