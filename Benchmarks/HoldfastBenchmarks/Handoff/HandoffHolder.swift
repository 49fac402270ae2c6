import CLimit
import Holdfast
import RedisLink

/// A process that takes the lock, holds it, releases it, and asks for it again at once.
struct HandoffHolder {
    enum Kind: String {
        /// Holds the lock for as long as the other process needs to queue up.
        case short
        /// Holds it until all threads have gone to sleep and the caches have forgotten them.
        case rested
        /// Holds it half as long again, and looks who holds the lock and who is next.
        case order

        /// In µs.
        var hold: Int { self == .short ? 50 : 2000 }
    }

    private let holdfast: Holdfast
    private let kind: Kind
    private let parent = ParentProcess()

    private static let name = "handoff"

    static func run(_ url: String, _ kind: Kind) async throws {
        let holder = HandoffHolder(holdfast: try await .benchmarked(url), kind: kind)
        holder.parent.say("ready")
        guard let end = Int64(try await holder.parent.line()) else { throw BenchmarkError.refused }
        // One thread fewer to wake on the way.
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
            let observed = kind == .order ? try await observe() : ""
            try await rest(kind.hold)
            let released = MonotonicClock.now()
            try await lease.release()
            records.append("\(running) \(released) \(observed)")
        }
        return records
    }

    private func rest(_ microseconds: Int) async throws {
        try await Task.sleep(for: .microseconds(microseconds), tolerance: .zero)
    }

    /// This holder's token and the first waiter's, according to the server.
    private func observe() async throws -> String {
        // Until the previous holder is in the queue again.
        try await rest(kind.hold / 2)
        let link = holdfast.core.link
        let token = try await link.send(["GET", .string(holdfast.core.keys.lock(Self.name))])
        let first = try await link.send(["ZRANGE", holdfast.waitersKey(Self.name), "0", "0"])
        return "\(token.value.string ?? "none") \(first.value.array?.first?.string ?? "")"
    }

    /// The same in plain C, with a round trip between the message and the lock.
    static func runInC(_ url: String, instance: String, shortest: Bool) async throws {
        let parent = ParentProcess()
        parent.say("ready")
        guard let end = Int64(try await parent.line()) else { throw BenchmarkError.refused }
        let socket = String(url.dropFirst("redis+unix://".count))
        guard
            climit_handoffs(
                socket, end, instance, shortest ? shortestAcquire : Scripts.acquire.source,
                shortest ? shortestRelease : Scripts.release.source, Kind.short.hold) != 0
        else { throw BenchmarkError.limit }
        parent.say("end")
    }

    /// The least that a hand-off needs, with the keys and arguments of Holdfast's own scripts: no fences, no
    /// details in a refusal, nothing against waiters that do not answer.
    private static let shortestAcquire = """
        local owner = redis.call('GET', KEYS[1])
        if owner == ARGV[1] then
          redis.call('PEXPIRE', KEYS[1], ARGV[2])
          redis.call('ZREM', KEYS[3], ARGV[1])
          return 1
        end
        if not owner and redis.call('ZCARD', KEYS[3]) == 0 then
          redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
          return 1
        end
        local t = redis.call('TIME')
        redis.call('ZADD', KEYS[3], t[1] .. string.format('%06d', t[2]), ARGV[1])
        return 0
        """
    private static let shortestRelease = """
        if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
        local next = redis.call('ZRANGE', KEYS[3], 0, 0)[1]
        if next and redis.call('PUBLISH', ARGV[3] .. string.match(next, '^[^:]*'), next) > 0 then
          redis.call('SET', KEYS[1], next, 'PX', ARGV[2])
        else
          redis.call('DEL', KEYS[1])
        end
        return 1
        """
}
