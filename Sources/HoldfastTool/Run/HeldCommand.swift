internal import Holdfast
internal import Processes
internal import RedisLink
internal import Synchronization

#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Musl)
    internal import Musl
#else
    internal import Darwin
#endif

/// A command that runs while a lock is held: carries out what ``HeldCommandState`` decides.
struct HeldCommand {
    let lease: Lease
    let command: [CString]
    let grace: Duration
    let signals: CaughtSignals

    /// How the command ended.
    struct End: Sendable {
        /// The status to exit with.
        var status: Int32
        /// The signal that the terminal sent the command, and would have sent this program's job if that had
        /// kept the terminal.
        var interruption: Int32?
    }

    /// Runs the command to its end.
    func run() async -> End {
        let child: ChildProcess
        do {
            child = try spawnPlan().start(adoptingOrphans: true)
        } catch {
            return End(status: Self.told(error))
        }
        if Terminal.isGivenUnasked { Terminal.provide(to: child.pid) }
        var end = await supervise(child)
        if !Terminal.takeBack(from: child.pid) { end.interruption = nil }
        return end
    }

    private func spawnPlan() -> SpawnPlan {
        var plan = SpawnPlan(command[0], Array(command.dropFirst()))
        plan.inheritance = .atStart
        // The command gets the lock, but not the password of its server.
        plan.withheld = ["HOLDFAST_REDIS_URL"]
        plan.environment["HOLDFAST_LOCK"] = lease.name
        plan.environment["HOLDFAST_FENCE"] = lease.fence.map { String($0.rawValue) }
        return plan
    }

    private static func told(_ error: any Error) -> Int32 {
        Console.say(TerminalText.escaped("\(error)"))
        guard let error = error as? SystemError else { return ExitStatus.failed }
        switch error.number {
        case ENOENT: return ExitStatus.notFound
        // An error of the process, not of the program that was to run in it.
        case EAGAIN, ENOMEM: return ExitStatus.failed
        default: return ExitStatus.notExecutable
        }
    }

    /// Feeds everything that happens into one stream, in order, until the command is over.
    private func supervise(_ child: ChildProcess) async -> End {
        let (events, continuation) = AsyncStream<HeldCommandState.Event>.makeStream()
        return await withTaskGroup(of: Void.self) { group in
            group.addTask { for await change in child.changes { continuation.yield(.child(change)) } }
            group.addTask { for await signal in signals.stream() { continuation.yield(.signal(signal)) } }
            group.addTask {
                if let reason = await lease.untilLost() { continuation.yield(.lost(reason: "\(reason)")) }
            }
            var state = HeldCommandState()
            for await event in events {
                for action in state.handle(event) {
                    switch action {
                    case .send(let signal):
                        child.signalGroup(signal)
                    case .tellLoss(let reason):
                        Console.say(lossMessage(reason))
                    case .startGrace:
                        group.addTask {
                            if (try? await Task.sleep(for: grace)) != nil { continuation.yield(.graceOver) }
                        }
                    case .watchRest:
                        group.addTask {
                            while child.signalRest(0), (try? await Task.sleep(for: .milliseconds(20))) != nil
                            {}
                            continuation.yield(.restEnded)
                        }
                    case .sendRest(let signal):
                        child.signalRest(signal)
                    case .provideTerminal:
                        // It may have the terminal by now: a quick command asks before it is given.
                        if Terminal.provide(to: child.pid) {
                            child.signalGroup(SIGCONT)
                        } else {
                            Terminal.suspendJob()
                        }
                    case .suspend:
                        Terminal.takeBack(from: child.pid)
                        Terminal.suspendJob()
                        resume(child)
                    case .resume:
                        resume(child)
                    case .finish(let status):
                        group.cancelAll()
                        return End(status: status, interruption: state.interruption)
                    }
                }
            }
            preconditionFailure("the events end with the command")
        }
    }

    /// Continued by the shell's `fg`, with the terminal, or by `bg`, without it. If the lock was lost
    /// meanwhile, the command stays stopped: the event of the loss, which comes in a moment, sends it SIGTERM
    /// before continuing it.
    private func resume(_ child: ChildProcess) {
        guard lease.isHeld else { return }
        if Terminal.isGivenUnasked { Terminal.provide(to: child.pid) }
        child.signalGroup(SIGCONT)
    }

    private func lossMessage(_ reason: String) -> String {
        let name = TerminalText.escaped(lease.name)
        return "the lock \(name) was lost: \(reason). Stopping the command: SIGTERM now, SIGKILL after "
            + "\(DurationText.short(grace))"
    }
}
