import Foundation
import RedisLink

/// A lock that is held, according to Redis and the registry of instances.
public struct LockStatus: Sendable {
    /// The name of the lock.
    public let name: String
    /// Who holds it.
    public let holder: Holder
    /// The instance that holds it; nil for a client of another kind, or one that is not, or no longer,
    /// registered.
    public let instance: Instance?
}

extension Holdfast {
    /// One lock, or nil when it is free. Two round trips.
    public func lockStatus(_ name: String) async throws -> LockStatus? {
        _ = try core.keys.lock(name)
        return try await core.inspecting("looking at the lock \(name)") { () async throws(RedisError) in
            try await core.look(at: name, core.knownInstances())
        }
    }

    /// The registered instances: those that used this namespace and sent a heartbeat within the last minute.
    public func instances() async throws -> [Instance] {
        try await core.inspecting("listing the instances") { () async throws(RedisError) in
            try await core.registeredInstances().values.sorted { ($0.started, $0.id) < ($1.started, $1.id) }
        }
    }
}

extension Core {
    func inspecting<R>(_ what: String, _ body: () async throws(RedisError) -> R) async throws -> R {
        do throws(RedisError) {
            return try await body()
        } catch {
            throw HoldfastError.thrown(for: error, what)
        }
    }

    /// Like ``registeredInstances()``, for callers that can do without: a registry that cannot be read hides
    /// no locks.
    func knownInstances() async throws(RedisError) -> [String: Instance] {
        do throws(RedisError) {
            return try await registeredInstances()
        } catch  where error.replyKind == "WRONGTYPE" {
            let problem = "\(keys.instances[0]) holds something else: \(error)"
            observers.tell(LeftOut(words: "the instances cannot be listed: \(problem)"))
            return [:]
        }
    }

    func registeredInstances() async throws(RedisError) -> [String: Instance] {
        Instance.registered(try await link.send(["HGETALL", .string(keys.instances[0])]).value)
    }

    func look(at name: String, _ instances: [String: Instance]) async throws(RedisError) -> LockStatus? {
        guard let key = try? keys.lock(name), let fence = try? keys.fence(name) else { return nil }
        guard let holder = try await link.call(.inspect(key: key, fence: fence)) else { return nil }
        return LockStatus(name: name, holder: holder, instance: holder.instanceID.flatMap { instances[$0] })
    }
}

extension Instance {
    /// Reads the registry, which has a field and a value for each instance.
    static func registered(_ reply: RedisValue) -> [String: Instance] {
        let entries = reply.array ?? []
        var instances: [String: Instance] = [:]
        for index in stride(from: 1, to: entries.count, by: 2) {
            // An entry of another version that cannot be read is shown as an unknown instance.
            guard let bytes = entries[index].bytes,
                let instance = try? JSONDecoder.holdfast.decode(Instance.self, from: Data(bytes))
            else { continue }
            instances[instance.id] = instance
        }
        return instances
    }
}
