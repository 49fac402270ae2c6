import CLimit
import Holdfast
import RedisLink

/// A process that takes the lock, holds it for two milliseconds, releases it and asks for it again a little later.
struct HandoffHolder {
    enum Kind: String {
        /// Measures a PING in the middle of each hold.
        case timing
        /// Looks who holds the lock and who is next.
        case order
    }

    private let holdfast: Holdfast
    private let kind: Kind
    private let parent = ParentProcess()

    private static let name = "handoff"
    /// How long to hold the lock, in µs.
    private static let hold = 2000
    /// How long to wait before asking again, in µs: neither the hand-off nor the PING, a millisecond after it, shall
    /// share the server with that question.
    private static let pause = 400

    static func run(_ url: String, _ kind: Kind) async throws {
        let holder = HandoffHolder(holdfast: try await .benchmarked(url), kind: kind)
        holder.parent.say("ready")
        guard let end = Int64(try await holder.parent.line()) else { throw BenchmarkError.refused }
        // One thread less to wake on the way.
        let records = try await withTaskExecutorPreference(holder.holdfast.executor) {
            try await holder.hold(until: end)
        }
        holder.parent.say(records + ["end"])
        await holder.holdfast.close()
    }

    private func hold(until end: Int64) async throws -> [String] {
        var records: [String] = []
        while MonotonicClock.now() < end {
            let lease = try await holdfast.acquire(Self.name)
            let running = MonotonicClock.now()
            // The PING and the release both come after a pause: the other process has queued up meanwhile, and
            // both find threads that sleep.
            try await pause(Self.hold / 2)
            let observed = try await observe()
            try await pause(Self.hold / 2)
            let released = MonotonicClock.now()
            try await lease.release()
            records.append("\(running) \(released) \(observed)")
            try await pause(Self.pause)
        }
        return records
    }

    /// The same in plain C, with a round trip between the message and the lock.
    static func runInC(_ url: String, instance: String) async throws {
        let parent = ParentProcess()
        parent.say("ready")
        guard let end = Int64(try await parent.line()) else { throw BenchmarkError.refused }
        let socket = String(url.dropFirst("redis+unix://".count))
        guard
            climit_handoffs(
                socket, end, instance, Scripts.acquire.source, Scripts.release.source, Self.hold, Self.pause)
                != 0
        else { throw BenchmarkError.limit }
        parent.say("end")
    }

    private func pause(_ microseconds: Int) async throws {
        try await Task.sleep(for: .microseconds(microseconds), tolerance: .zero)
    }

    private func observe() async throws -> String {
        let link = holdfast.core.link
        switch kind {
        case .timing:
            let asked = MonotonicClock.now()
            _ = try await link.send(["PING"])
            return "ping \(MonotonicClock.now() - asked)"
        case .order:
            let token = try await link.send(["GET", .string(holdfast.core.keys.lock(Self.name))])
            let first = try await link.send(["ZRANGE", holdfast.waitersKey(Self.name), "0", "0"])
            return "token \(token.value.string ?? "none") \(first.value.array?.first?.string ?? "")"
        }
    }
}
