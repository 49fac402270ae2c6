import Foundation
import RedisLink

/// A lock that is held, as Redis and the registry of instances tell.
public struct HeldLock: Sendable {
    public let name: String
    public let holder: Holder
    /// The instance that holds it; nil when it is of another kind or not registered (any more).
    public let instance: Instance?
}

extension Holdfast {
    /// All locks of the namespace that are held, by name.
    ///
    /// Walks the keys of the database with `SCAN`, which does not block the server but takes one round trip
    /// for each thousand keys: for operators, not for hot paths. It also finds locks of other clients.
    public func locks() async throws -> [HeldLock] {
        try await core.inspecting("listing the locks") { () async throws(RedisError) in
            let names = try await core.names(withPart: "lock")
            let instances = try await core.registeredInstances()
            var locks: [HeldLock] = []
            for name in names {
                if let lock = try await core.look(at: name, instances) { locks.append(lock) }
            }
            return locks
        }
    }

    /// One lock, or nil when it is free. Two round trips.
    public func lock(_ name: String) async throws -> HeldLock? {
        _ = try core.keys.lock(name)
        return try await core.inspecting("looking at the lock \(name)") { () async throws(RedisError) in
            try await core.look(at: name, core.registeredInstances())
        }
    }

    /// The instances that are registered: those that used this namespace and beat within the last minute.
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

    /// The names that have a key of that part, sorted. One round trip for each thousand keys of the database.
    func names(withPart part: String) async throws(RedisError) -> [String] {
        // Names that only look the same are different locks.
        var names: [LockKey: String] = [:]
        var cursor = "0"
        repeat {
            let reply = try await link.send([
                "SCAN", .string(cursor), "MATCH", .string(keys.pattern(part: part)), "COUNT", "1000",
            ]).value.array
            cursor = reply?.first?.string ?? "0"
            for key in reply?.last?.array ?? [] {
                if let name = key.string.flatMap({ keys.name(inKey: $0, part: part) }) {
                    names[LockKey(name)] = name
                }
            }
        } while cursor != "0"
        return names.values.sorted()
    }

    func registeredInstances() async throws(RedisError) -> [String: Instance] {
        Instance.registered(try await link.send(["HGETALL", .string(keys.instances[0])]).value)
    }

    func look(at name: String, _ instances: [String: Instance]) async throws(RedisError) -> HeldLock? {
        guard let key = try? keys.lock(name), let fence = try? keys.fence(name) else { return nil }
        let reply = try await link.evaluate(Scripts.inspect, keys: [key, fence], arguments: [])
        guard let parts = reply.value.array, let holder = Holder(reply: parts[...]) else { return nil }
        return HeldLock(name: name, holder: holder, instance: holder.instanceID.flatMap { instances[$0] })
    }
}

extension Instance {
    /// Reads the registry: a field and a value for each instance.
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
