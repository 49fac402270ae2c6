import Foundation
import Logging
import RedisLink

/// Keeps this instance in the registry, so that inspection can say who a token belongs to.
///
/// Runs on the link's thread; begins with the first use, and takes the instance out again when the client
/// closes.
actor Heartbeat {
    nonisolated var unownedExecutor: UnownedSerialExecutor {
        link.connection.thread.asUnownedSerialExecutor()
    }

    static let interval: Duration = .seconds(10)
    /// After so much silence an instance is forgotten. It comes back with its next beat.
    static let silence: Duration = .seconds(60)

    private let link: RedisLink
    private let keys: KeySpace
    private let instance: Instance
    private let logger: Logger
    private var timer: LinkThread.TimerID?
    private var hasBegun = false
    private var isClosed = false

    init(link: RedisLink, keys: KeySpace, instance: Instance, logger: Logger) {
        self.link = link
        self.keys = keys
        self.instance = instance
        self.logger = logger
    }

    /// Sends the first beat without waiting for it, unless that was done.
    func begin() {
        guard !hasBegun, !isClosed else { return }
        hasBegun = true
        beat()
    }

    private func beat() {
        guard !isClosed else { return }
        let description = String(
            decoding: (try? JSONEncoder.holdfast.encode(instance)) ?? Data(), as: UTF8.self)
        link.connection.assumeIsolated {
            $0.evaluate(
                Scripts.beat, keys: keys.instances,
                arguments: [.string(instance.id), .string(description), .init(milliseconds: Self.silence)]
            ) { [logger] result in
                if case .failure(let error) = result { logger.debug("the instance's beat failed: \(error)") }
            }
        }
        timer = link.connection.thread.schedule(at: .now + Self.interval) { [weak self] in
            self?.assumeIsolated { $0.beat() }
        }
    }

    func close() async {
        isClosed = true
        if let timer { link.connection.thread.cancel(timer) }
        guard hasBegun else { return }
        do {
            for (command, key) in zip(["HDEL", "ZREM"], keys.instances) {
                _ = try await link.send(
                    [.string(command), .string(key), .string(instance.id)], timeout: LeaseKeeper.closeTimeout)
            }
        } catch {
            logger.debug("taking the instance out of the registry failed: \(error)")
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
