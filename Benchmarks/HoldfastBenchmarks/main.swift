import HoldfastTesting

// One subject a run; each prints one JSON object a line on standard output.
switch CommandLine.arguments.dropFirst().first {
case "locks":
    try await withPrivateRedisServer { server in try await LockBenchmark(server: server).run() }
default:
    print("usage: scripts/bench locks")
}
