import Holdfast

extension MessagesBenchmark {
    private static let kills = 8
    private static let claimed = 50

    /// From the kill of an instance until another one, which was already running, has committed all that it
    /// had claimed.
    func measureRecovery() async throws {
        var times: [Double] = []
        for _ in 0..<Self.kills {
            try await queue.empty()
            let victim = try await start(1, .sticking)[0]
            try await queue.send((0..<Self.claimed).map { Note(number: $0) })
            for _ in 0..<Self.claimed { try await victim.line() }
            let heir = try await start(1, .heir)[0]
            // At any moment between two renewals.
            try await Task.sleep(for: MessageConsumer.lease * Double.random(in: 0..<1))
            victim.kill()
            let killed = MonotonicClock.now()
            try await queue.wait { $0 == 0 }
            times.append(Double(MonotonicClock.now() - killed) / 1e6)
            heir.kill()
        }
        let limit = (MessageConsumer.lease + .seconds(1)) / .milliseconds(1)
        Figure.print("\(name).recovery.p50", Figure.median(times), limit: limit, unit: "ms")
        Figure.print("\(name).recovery.longest", times.max() ?? 0, limit: limit, unit: "ms")
    }
}
