import Holdfast
import HoldfastTesting
import RedisLink

/// What a thousand held locks cost a process that does nothing else.
struct IdleBenchmark {
    private static let seconds = 10
    /// More commands at the server within a sample than a heartbeat takes.
    private static let burst = 100

    static func run(_ server: PrivateRedisServer) async throws {
        let holdfast = try await Holdfast.benchmarked(server.unixURL)
        let process = try BenchmarkProcess(["idle-holder", server.unixURL])
        try await process.line("connected")
        let connected = try process.residentBytes
        try await process.line("holding")
        // Past the first renewals.
        try await Task.sleep(for: IdleHolder.lease)

        let begin = try process.processorSeconds
        let bursts = try await bursts(holdfast)
        let used = try process.processorSeconds - begin
        let resident = try process.residentBytes
        try process.say("end")
        let held = try await process.line()

        Figure.print("idle.held", Double(held) ?? 0, limit: Double(IdleHolder.count), unit: "locks")
        Figure.print("idle.resident", mebibytes(resident), limit: 32, unit: "MiB")
        Figure.print("idle.resident.connected", mebibytes(connected), unit: "MiB")
        if let first = bursts.first, let last = bursts.last, first < last {
            let intervals = (last - first) / (IdleHolder.lease / 3)
            Figure.print(
                "idle.batches", Double(bursts.count - 1) / intervals, limit: 1, unit: "batches/interval")
        }
        Figure.print("idle.processor", used * 1000 / Double(seconds), unit: "ms/s")
        await holdfast.close()
    }

    private static func mebibytes(_ bytes: Int) -> Double { Double(bytes) / 1_048_576 }

    /// When batches of renewals began, judging by the number of commands at the server every 20 ms: a burst
    /// after a moment of quiet.
    private static func bursts(_ holdfast: Holdfast) async throws -> [ContinuousClock.Instant] {
        var bursts: [ContinuousClock.Instant] = []
        var wasQuiet = false
        var last = try await commands(holdfast)
        let end = ContinuousClock.now + .seconds(seconds)
        while .now < end {
            try await Task.sleep(for: .milliseconds(20), tolerance: .zero)
            let count = try await commands(holdfast)
            let isQuiet = count - last < burst
            if wasQuiet && !isQuiet { bursts.append(.now) }
            (wasQuiet, last) = (isQuiet, count)
        }
        return bursts
    }

    private static func commands(_ holdfast: Holdfast) async throws -> Int {
        try await holdfast.info("stats")["total_commands_processed"].flatMap { Int($0) } ?? 0
    }
}

/// A process that acquires a thousand locks, spread over the time between two renewals, and keeps them.
enum IdleHolder {
    static let count = 1000
    static let lease = Duration.seconds(3)

    static func run(_ url: String) async throws {
        let parent = ParentProcess()
        let holdfast = try await Holdfast.benchmarked(url)
        parent.say("connected")
        var leases: [Lease] = []
        for index in 0..<count {
            leases.append(try await holdfast.acquire("idle-\(index)", lease: lease))
            try await Task.sleep(for: lease / 3 / count, tolerance: .zero)
        }
        parent.say("holding")
        _ = try await parent.line()
        parent.say("\(leases.count { $0.isHeld })")
        await holdfast.close()
    }
}
