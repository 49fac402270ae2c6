import Foundation
import RedisLink

extension WorkerRun {
    /// Reads an entry of the history, as tick.lua and finish.lua write it; nil where it is something else.
    init?(worker: String, entry: RedisValue) {
        let texts = entry.array?.last?.array?.map { $0.string ?? "" } ?? []
        var fields: [String: String] = [:]
        for index in stride(from: 1, to: texts.count, by: 2) { fields[texts[index - 1]] = texts[index] }
        func instant(_ name: String) -> Int64? {
            fields[name].flatMap(Int64.init).flatMap { ServerClock.range.contains($0) ? $0 : nil }
        }
        guard let nominal = fields["tick"].flatMap(TickInstant.init), let begun = instant("begun"),
            let ended = instant("ended"),
            let attempt = fields["attempt"].flatMap(Int.init),
            let outcome = fields["outcome"].flatMap(RunOutcome.init)
        else { return nil }
        let (pid, host) = Self.place(fields["who"] ?? "")
        self.init(
            worker: worker, nominalMilliseconds: nominal.milliseconds, era: nominal.era,
            isTriggered: fields["kind"] == "trigger",
            attempt: attempt, began: Date(serverTime: begun), duration: .milliseconds(ended.since(begun)),
            outcome: outcome, detail: fields["detail"] ?? "", host: host, pid: pid,
            instanceID: Instance.id(inToken: fields["token"] ?? "") ?? "")
    }

    /// Pid and host of `<pid> <host>`.
    static func place(_ text: String) -> (Int32, String) {
        guard let parts = text.cut(at: " "), let pid = Int32(parts.before) else { return (0, text) }
        return (pid, parts.after)
    }
}
