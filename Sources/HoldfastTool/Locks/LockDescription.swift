internal import ArgumentParser
internal import Foundation
internal import Holdfast
internal import RedisLink

/// What the tool tells of one lock. As JSON these are documented, stable field names; what is not known is
/// absent.
struct LockDescription: ListRow, Hashable {
    var name: String
    var held: Bool
    var host: String?
    var pid: Int32?
    var service: String?
    /// The holder's instance id; absent for a client of another kind.
    var instance: String?
    /// Where the key is no lock at all.
    var keyType: String?
    var since: Date?
    var heldForMilliseconds: Int64?
    var remainingMilliseconds: Int64?
    var fence: Int64?
    /// How many wait for it, and the first of them; absent where that was not asked for.
    var waiting: Int?
    var waiters: [WaiterDescription]?

    init(free name: String) {
        self.name = name
        held = false
    }

    init(_ lock: LockStatus) {
        self.init(name: lock.name, holder: lock.holder, instance: lock.instance, now: Date())
    }

    init(name: String, holder: Holder, instance: Instance?, now: Date) {
        self.name = name
        held = true
        host = instance?.host
        pid = instance?.pid
        service = instance?.service
        self.instance = holder.instanceID
        keyType = holder.keyType
        heldForMilliseconds = holder.heldFor.map(\.inMilliseconds)
        remainingMilliseconds = holder.remaining.map(\.inMilliseconds)
        since = heldForMilliseconds.map { now.addingTimeInterval(-Double($0) / 1000) }
        fence = holder.fencingToken?.rawValue
    }

    /// Who it is, in a few words: never empty.
    var holderText: String {
        if let host, let pid { return "\(host), pid \(pid)" }
        if let instance { return "instance \(instance) (not registered)" }
        return keyType.map { "no lock, but a key of the type \($0)" } ?? "a client of another kind"
    }

    /// Who it is, since when and for how long still.
    var claimText: String {
        let age = heldForText.map { " for \($0)" } ?? ""
        guard remainingMilliseconds != nil else { return "\(holderText)\(age); its lease lasts without end" }
        return "\(holderText)\(age); its lease still lasts \(remainingText), and may be renewed"
    }

    /// Tells who holds a lock that was not acquired, since when and for how long still; the status to exit with.
    static func notAcquired(_ name: String, _ error: HoldfastError, _ holdfast: Holdfast) async -> ExitCode {
        let held = try? await holdfast.lockStatus(name)
        let lock =
            held.map(LockDescription.init)
            ?? error.holder.map { LockDescription(name: name, holder: $0, instance: nil, now: Date()) }
        Console.say(
            "the lock \(TerminalText.escaped(name)) is held by \(TerminalText.escaped(lock?.claimText ?? "another"))"
        )
        return ExitCode(ExitStatus.notAcquired)
    }

    /// Who waits, in the order they will be served; empty when nobody does.
    private var waitersText: String {
        guard let waiting, let waiters, waiting > 0 else { return "" }
        let more = waiting > waiters.count ? ", the first \(waiters.count) of them" : ""
        return "\n\(waiting) waiting\(more):\n" + WaiterDescription.table(waiters)
    }

    private var heldForText: String? {
        heldForMilliseconds.map { DurationText.short(.milliseconds($0)) }
    }

    private var remainingText: String {
        remainingMilliseconds.map { DurationText.short(.milliseconds($0)) } ?? "without end"
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

    static func table(_ locks: [LockDescription]) -> String { ListWriter.table(locks) }

    /// One line for each thing known.
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
