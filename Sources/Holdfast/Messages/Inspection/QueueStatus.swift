import RedisLink

/// What a queue holds at one moment.
public struct QueueStatus: Hashable, Sendable {
    /// The name of the queue.
    public let name: String
    /// Messages that wait for their first attempt.
    public let ready: Int
    /// Messages that are claimed: their handlers run, or their consumer died and the claim has not expired
    /// yet.
    public let inFlight: Int
    /// Messages that wait for their time: for another attempt, or for the moment they were scheduled for.
    public let delayed: Int
    /// Messages that wait for those before them with the same ordering key.
    public let blocked: Int
    /// Messages in the dead letters.
    public let dead: Int
    /// The age of the oldest message that is not settled, by the server's clock; nil if there is none.
    public let oldestAge: Duration?
    /// How long the queue has been paused, by the server's clock; nil if it is not.
    public let pausedFor: Duration?
}

extension QueueStore {
    package func status() async throws -> QueueStatus {
        do throws(RedisError) {
            return try await link.call(.stats(of: keys))
        } catch {
            throw HoldfastError.thrown(for: error, "counting the messages of the queue \(keys.name)")
        }
    }
}

/// What stands in the set of a namespace's queues.
package struct QueueNames: Sendable {
    /// Those that somebody has used, sorted by their bytes.
    package var usable: [String] = []
    /// What somebody else wrote there, and no queue can be called.
    package var unusable: [[UInt8]] = []

    package init(usable: [String] = []) { self.usable = usable }
}

extension Holdfast {
    /// The names of all queues that have been used. One round trip.
    package func queueNames() async throws -> QueueNames {
        do throws(RedisError) {
            let reply = try await core.link.send(["SMEMBERS", .string(consumers.registry.key)])
            return QueueNames((reply.value.array ?? []).compactMap(\.bytes), in: core.keys)
        } catch {
            throw HoldfastError.thrown(for: error, "listing the queues")
        }
    }

    /// All queues of the namespace, by name, with what they hold. Two round trips for every few hundred
    /// queues.
    ///
    /// A queue is known once this library has sent to it or handled its messages. An entry that cannot be the
    /// name of a queue, and a queue whose keys hold something else, is left out and logged as an error.
    public func queues() async throws -> [QueueStatus] {
        let names = try await queueNames()
        for name in names.unusable {
            let shown = name.text.printable(limit: 100)
            core.observers.tell(
                LeftOut(
                    words: "\(consumers.registry.key) holds what cannot be the name of a queue: '\(shown)'"))
        }
        return try await core.each(names.usable) { [self] (name: String) async throws -> QueueStatus? in
            do {
                return try await store(ofQueue: name).status()
            } catch let error as HoldfastError where error.isOfWrongType {
                // A key of another type where the queue should be: the other queues can be listed all the
                // same.
                core.observers.tell(LeftOut(words: "\(error)"))
                return nil
            }
        }.compactMap(\.self)
    }
}

extension QueueNames {
    init(_ members: [[UInt8]], in keys: KeySpace) {
        for member in members.sorted(by: { $0.lexicographicallyPrecedes($1) }) {
            if let name = String(validating: member, as: UTF8.self), Self.isUsable(name, in: keys) {
                usable.append(name)
            } else {
                unusable.append(member)
            }
        }
    }

    private static func isUsable(_ name: String, in keys: KeySpace) -> Bool {
        do throws(HoldfastError) {
            _ = try QueueKeys(name, in: keys)
            return true
        } catch {
            return false
        }
    }
}
