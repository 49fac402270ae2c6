import HoldfastTesting

// One subject a run; each prints one JSON object a line on standard output.
switch CommandLine.arguments.dropFirst().first {
case "locks":
    let figures = Set(CommandLine.arguments.dropFirst(2))
    try await withPrivateRedisServer { server in
        try await LockBenchmark(server: server, figures: figures).run()
    }
default:
    print("usage: scripts/bench locks [FIGURE…], for example: scripts/bench locks lock.plain.256")
}
