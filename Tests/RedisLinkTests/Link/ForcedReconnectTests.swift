import HoldfastTesting
import RedisLink
import Synchronization
import Testing

@Suite("Forced reconnects under load")
struct ForcedReconnectTests {
    /// What became of each command, by its number.
    private final class Ledger: Sendable {
        private struct Contents {
            var next = 0
            var outcomes: [Int: RedisError.Delivery?] = [:]
            var successes = 0
            var isOver = false
        }

        private let contents = Mutex(Contents())

        func next() -> Int {
            contents.withLock { contents in
                contents.next += 1
                return contents.next
            }
        }

        /// Nil for a command that succeeded.
        func record(_ number: Int, _ delivery: RedisError.Delivery?) {
            contents.withLock { contents in
                contents.outcomes.updateValue(delivery, forKey: number)
                if delivery == nil { contents.successes += 1 }
            }
        }

        func close() { contents.withLock { $0.isOver = true } }

        var isOver: Bool { contents.withLock { $0.isOver } }
        var successes: Int { contents.withLock { $0.successes } }
        var outcomes: [Int: RedisError.Delivery?] { contents.withLock { $0.outcomes } }
    }

    @Test("200 of them: what succeeded was executed once, what was not delivered never, the rest at most once")
    func accounting() async throws {
        try await withPrivateRedisServer { server in
            let proxy = try FaultProxy(to: server.url)
            let ledger = Ledger()
            try await withLink(proxy.url) { link in
                try await withThrowingTaskGroup(of: Void.self) { group in
                    for _ in 0..<16 {
                        group.addTask {
                            while !ledger.isOver {
                                let number = ledger.next()
                                do {
                                    let reply = try await link.send(["HINCRBY", "ledger", RedisArgument(number), "1"])
                                    #expect(reply.value == .integer(1), "nothing is repeated")
                                    ledger.record(number, nil)
                                } catch let error as RedisError {
                                    #expect(error.code == .connectionLost)
                                    ledger.record(number, error.delivery)
                                }
                            }
                        }
                    }
                    var random = SeededGenerator(seed: 200)
                    for round in 0..<200 {
                        let before = ledger.successes
                        try await eventually("commands go through in round \(round)") {
                            ledger.successes >= before + Int.random(in: 1...50, using: &random)
                        }
                        proxy.perform([[.reset, .close].randomElement(using: &random) ?? .close])
                        try await eventually("the connection was cut") { proxy.log.count == round + 1 }
                    }
                    ledger.close()
                    try await group.waitForAll()
                }
                try await expectInStep(link)
            }
            #expect(proxy.accepted > 200)
            try await eventually("no connection is left") { proxy.open == 0 }

            try await withLink(server.url) { direct in
                let fields = try await direct.send(["HGETALL", "ledger"]).value.array ?? []
                var executed: [Int: Int64] = [:]
                for index in stride(from: 0, to: fields.count, by: 2) {
                    executed[Int(fields[index].integer ?? -1)] = fields[index + 1].integer
                }
                for (number, delivery) in ledger.outcomes {
                    switch delivery {
                    case nil: #expect(executed[number] == 1)
                    case .notDelivered, .refused: #expect(executed[number] == nil)
                    case .unknown: #expect([nil, 1].contains(executed[number]))
                    }
                }
                #expect(executed.keys.allSatisfy { ledger.outcomes.keys.contains($0) })
                #expect(ledger.outcomes.values.contains(.unknown), "some were cut in flight")
            }
        }
    }
}
