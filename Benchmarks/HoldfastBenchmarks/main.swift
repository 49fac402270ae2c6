import HoldfastTesting

// One subject a run; each prints one JSON object a line on standard output.
var arguments = CommandLine.arguments.dropFirst()
if arguments.first != "locks" { TimeLimit.begin(seconds: arguments.first == "messages" ? 600 : 120) }
switch (arguments.popFirst(), arguments.count) {
case ("locks", _):
    try await withPrivateRedisServer { [figures = Set(arguments)] server in
        try await LockBenchmark(server: server, figures: figures).run()
    }
case ("handoff", 0):
    try await withPrivateRedisServer { try await HandoffBenchmark(server: $0).run() }
case ("waiters", 0):
    try await withPrivateRedisServer { try await WaitersBenchmark.run($0) }
case ("crash", 0):
    try await withPrivateRedisServer { try await CrashBenchmark(server: $0).run() }
case ("idle", 0):
    try await withPrivateRedisServer { try await IdleBenchmark.run($0) }
case ("messages", _):
    try await MessagesBenchmark.run(Set(arguments))

// The subcommands with which a benchmark starts this program again.
case ("handoff-holder", 2):
    try await HandoffHolder.run(arguments.removeFirst(), .init(rawValue: arguments.removeFirst()) ?? .short)
case ("handoff-holder-in-c", 3):
    try await HandoffHolder.runInC(
        arguments.removeFirst(), instance: arguments.removeFirst(),
        shortest: arguments.removeFirst() == "shortest")
case ("waiting-crowd", 1):
    try await WaitingCrowd.run(arguments.removeFirst())
case ("crash-holder", 1):
    try await CrashHolder.run(arguments.removeFirst())
case ("idle-holder", 1):
    try await IdleHolder.run(arguments.removeFirst())
case ("message-consumer", 2):
    try await MessageConsumer.run(
        arguments.removeFirst(), .init(rawValue: arguments.removeFirst()) ?? .handling)

default:
    print(
        """
        usage: scripts/bench SUBJECT
          locks [FIGURE…]   lock cycles against plain C, for example: scripts/bench locks lock.plain.256
          handoff           from a release to the next holder running, between processes, beside other libraries
          waiters           10,000 waiters on one name: order, commands, memory, cancellation
          crash             from the end of a killed holder's lease to the next holder running
          idle              1,000 held locks in an idle process: memory, renewals, processor time
          messages [PART…]  messages exactly once: rate against plain C, latency, recovery; the parts are off, everysec
                            and always, for the server's append-only file, and peers, for other libraries
        """)
}
