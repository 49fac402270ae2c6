import Foundation
import RedisLink
import Synchronization

/// Keeps this instance in the registry, so that inspection can say whose token it sees.
///
/// Runs on the link's thread; begins with the first use, and takes the instance out again when the client
/// closes.
actor Heartbeat: LinkActor {
    nonisolated var thread: LinkThread { link.thread }
    nonisolated var unownedExecutor: UnownedSerialExecutor { thread.asUnownedSerialExecutor() }

    static let interval: Duration = .seconds(10)
    /// After this much silence an instance is forgotten. It comes back with its next beat.
    static let silence: Duration = .seconds(60)

    private let link: RedisLink
    private let keys: KeySpace
    private let instance: Instance
    private let observers: Observers
    private var timer: LinkThread.TimerID?
    private nonisolated let hasBegun = Atomic<Bool>(false)
    private var isClosed = false

    init(link: RedisLink, keys: KeySpace, instance: Instance, observers: Observers) {
        self.link = link
        self.keys = keys
        self.instance = instance
        self.observers = observers
    }

    /// Sends the first beat without waiting for it, unless that was done.
    nonisolated func begin() {
        guard !hasBegun.load(ordering: .relaxed), !hasBegun.exchange(true, ordering: .relaxed) else { return }
        thread.submit { self.inTurn { $0.beat() } }
    }

    private func beat() {
        guard !isClosed else { return }
        let description = String(
            decoding: (try? JSONEncoder.holdfast.encode(instance)) ?? Data(), as: UTF8.self)
        link.call(.beat(instance.id, description, silence: Self.silence, keys: keys)) { [observers] result in
            guard case .failure(let error) = result else { return }
            let failure = HoldfastError(error, "registering this instance")
            observers.tell(
                InstanceEvent.registeringFailed(failure, isForbidden: error.code == .permissionDenied))
        }
        timer = thread.schedule(at: .now + Self.interval) { [weak self] in
            self?.inTurn { $0.beat() }
        }
    }

    func close() async {
        isClosed = true
        if let timer { thread.cancel(timer) }
        guard hasBegun.load(ordering: .relaxed) else { return }
        do {
            for (command, key) in zip(["HDEL", "ZREM"], keys.instances) {
                _ = try await link.sendShielded(
                    [.string(command), .string(key), .string(instance.id)], timeout: RedisLink.closeTimeout)
            }
        } catch {
            observers.tell(InstanceEvent.leavingFailed(error))
        }
    }
}

extension JSONEncoder {
    static var holdfast: JSONEncoder {
        let encoder = JSONEncoder()
        encoder.dateEncodingStrategy = .iso8601
        return encoder
    }
}

extension JSONDecoder {
    static var holdfast: JSONDecoder {
        let decoder = JSONDecoder()
        decoder.dateDecodingStrategy = .iso8601
        return decoder
    }
}
