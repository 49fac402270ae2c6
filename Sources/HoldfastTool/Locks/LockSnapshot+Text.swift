internal import ArgumentParser
internal import Foundation
internal import Holdfast
internal import HoldfastInspection
internal import RedisLink

extension LockSnapshot: ListRow {
    /// The holder in a few words; never empty.
    var holderText: String {
        if let host, let pid { return "\(host), pid \(pid)" }
        if let instance { return "instance \(instance) (not registered)" }
        return keyType.map { "no lock, but a key of the type \($0)" } ?? "a client of another kind"
    }

    /// The holder, for how long it has held the lock, and how long its lease still lasts.
    var claimText: String {
        let age = heldForText.map { " for \($0)" } ?? ""
        guard remainingMilliseconds != nil else { return "\(holderText)\(age); its lease has no end" }
        return "\(holderText)\(age); its lease lasts another \(remainingText), and may be renewed"
    }

    /// Reports who holds a lock that was not acquired, for how long, and how long its lease still lasts.
    /// Returns the status to exit with.
    static func notAcquired(_ name: String, _ error: HoldfastError, _ holdfast: Holdfast) async -> ExitCode {
        let held = try? await holdfast.lockStatus(name)
        let lock =
            held.map(LockSnapshot.init)
            ?? error.holder.map { LockSnapshot(name: name, holder: $0, instance: nil, now: Date()) }
        Console.say(
            "the lock \(TerminalText.escaped(name)) is held by \(TerminalText.escaped(lock?.claimText ?? "another"))"
        )
        return ExitCode(ExitStatus.notAcquired)
    }

    /// The waiters, in the order they will be served; empty when there are none.
    private var waitersText: String {
        guard let waiting, let waiters, waiting > 0 else { return "" }
        let more = waiting > waiters.count ? ", the first \(waiters.count) of them" : ""
        return "\n\(waiting) waiting\(more):\n" + WaiterSnapshot.table(waiters)
    }

    private var heldForText: String? {
        heldForMilliseconds.map { DurationText.short(.milliseconds($0)) }
    }

    private var remainingText: String {
        remainingMilliseconds.map { DurationText.short(.milliseconds($0)) } ?? "no end"
    }

    private var sinceText: String? {
        since?.formatted(.iso8601)
    }

    static let columns: [(String, Table.Alignment)] = [
        ("NAME", .left), ("HOST", .left), ("PID", .right), ("SINCE", .left), ("HELD FOR", .right),
        ("REMAINING", .right), ("FENCE", .right),
    ]

    var cells: [String?] {
        [
            name, host, pid.map(String.init), sinceText, heldForText, remainingText, fence.map(String.init),
        ]
    }

    static func table(_ locks: [LockSnapshot]) -> String { ListWriter.table(locks) }

    /// One line for each known fact.
    var text: String {
        guard held else { return "\(TerminalText.escaped(name)) is free\n" + waitersText }
        let lines: [(String, String?)] = [
            ("name", name), ("holder", holderText), ("service", service), ("instance", instance),
            ("since", sinceText), ("held for", heldForText), ("remaining", remainingText),
            ("fence", fence.map(String.init)),
        ]
        return lines.map { label, value in
            let padding = String(repeating: " ", count: 11 - label.count)
            return label + padding + (value.map(TerminalText.escaped) ?? "-") + "\n"
        }.joined() + waitersText
    }
}
