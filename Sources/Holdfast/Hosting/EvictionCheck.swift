import RedisLink
import ServiceLifecycle

/// Refuses to work with a server that evicts keys when its memory is full. It may evict a lock, a fence or a
/// ledger, and then nothing happens exactly once any longer.
///
/// The server is asked once, before anything else runs; if it is down, as soon as it is back.
struct EvictionCheck {
    /// Between two questions to a server that cannot be reached; the link waits for it by itself.
    private static var pause: Duration { .seconds(1) }

    let link: RedisLink
    let acceptsEviction: Bool
    let observers: Observers

    /// Returns at once when a graceful shutdown begins, or the task is cancelled.
    ///
    /// - Throws: ``HoldfastError/Code/unsuitableServer``.
    func run() async throws {
        try await cancelWhenGracefulShutdown {
            while !Task.isCancelled {
                let policy: String?
                do throws(RedisError) {
                    policy = try await Self.policy(of: link)
                } catch {
                    if error.code == .closed { return }
                    if error.delivery == .refused {
                        return warn(HoldfastError(error, "asking for it").message)
                    }
                    try? await Task.sleep(for: Self.pause)
                    continue
                }
                return try judge(policy)
            }
        }
    }

    static func policy(of link: RedisLink) async throws(RedisError) -> String? {
        policy(in: try await link.send(["INFO", "memory"]).value.string ?? "")
    }

    /// Nil if the server does not say.
    static func policy(in info: String) -> String? {
        info.split(whereSeparator: \.isNewline).lazy
            .compactMap { line in
                let parts = line.split(separator: ":", maxSplits: 1)
                return parts.count == 2 && parts[0] == "maxmemory_policy" ? String(parts[1]).printable() : nil
            }
            .first
    }

    private func judge(_ policy: String?) throws(HoldfastError) {
        guard let policy else { return warn("the server does not say") }
        guard policy != "noeviction" else { return }
        let problem = """
            the server's maxmemory-policy is \(policy): when its memory is full it may evict locks, fences and \
            ledgers, and nothing happens exactly once any more. Set it to noeviction
            """
        guard acceptsEviction else { throw HoldfastError(.unsuitableServer, problem) }
        observers.tell(ClientEvent.evicts(problem))
    }

    private func warn(_ why: String) {
        observers.tell(ClientEvent.evictionUnknown(why))
    }
}
