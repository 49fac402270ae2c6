import Synchronization
import TestSupport

@testable import RedisLink

/// The results of commands that were sent with a callback, in the order they ended.
final class Outcomes: Sendable {
    private let results = Mutex<[Int: RedisResult]>([:])
    private let order = Mutex<[Int]>([])

    func record(_ index: Int, _ result: RedisResult) {
        results.withLock { $0[index] = result }
        order.withLock { $0.append(index) }
    }

    /// The errors so far.
    var all: [RedisError] {
        results.withLock { results in
            results.sorted { $0.key < $1.key }.compactMap { item -> RedisError? in
                guard case .failure(let error) = item.value else { return nil }
                return error
            }
        }
    }

    /// How the failed commands were delivered, in the order of sending.
    var deliveries: [RedisError.Delivery] { all.map(\.delivery) }

    /// The errors by the numbers of their commands.
    var errors: [Int: RedisError] {
        results.withLock { results in
            results.compactMapValues { result -> RedisError? in
                guard case .failure(let error) = result else { return nil }
                return error
            }
        }
    }

    var values: [Int: RedisValue] {
        results.withLock { $0.compactMapValues { try? $0.get().value } }
    }

    /// The numbers of the commands in the order in which they ended.
    var ended: [Int] { order.withLock { $0 } }
}

extension RedisConnection {
    /// Sends commands in one turn, so that they leave together.
    func sendAll(_ commands: [RedisCommand], to outcomes: Outcomes, timeout: Duration? = nil) {
        for (index, command) in commands.enumerated() {
            send(command, timeout: timeout) { outcomes.record(index, $0) }
        }
    }

    /// Returns after a job of this connection has run.
    func turn() {}
}
