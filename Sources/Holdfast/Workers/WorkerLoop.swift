import RedisLink
import Synchronization

/// Waits for what is to run of one worker, claims it, and runs what it gets.
///
/// ``TickMachine`` decides; this only waits, calls Redis and runs.
final class WorkerLoop: Sendable {
    let name: String
    /// Why it cannot run; nil where it can.
    let problem: HoldfastError?
    private let worker: any PeriodicWorker
    private let claim: TickClaim?
    private let core: Core
    private let stopping: StopSignal
    private let bell: Bell
    private let state: Mutex<State>

    private struct State: Sendable {
        /// The worker that this one takes the place of. Let go when it has ended, and with it those before it.
        var predecessor: WorkerLoop?
        /// Runs that go on here.
        var running = 0
        /// Redis may have something to run that nobody here knows of.
        var isAwakened = false
    }

    init(_ worker: some PeriodicWorker, _ core: Core, after predecessor: WorkerLoop?) {
        name = worker.name
        self.worker = worker
        self.core = core
        bell = Bell(by: core.clock)
        state = Mutex(State(predecessor: predecessor))
        stopping = StopSignal(grace: core.configuration.stopDeadline)
        do throws(HoldfastError) {
            let caller = "\(core.instance.pid) \(core.instance.host)"
            claim = try TickClaim(worker, caller: caller, link: core.link, keys: core.keys, clock: core.clock)
            problem = nil
        } catch {
            claim = nil
            problem = error
        }
    }

    private func tell(_ event: WorkerEvent.Kind) {
        core.observers.tell(WorkerEvent(worker: name, kind: event))
    }

    /// Asks it to begin nothing new and to end. May be called before ``run()``, and more than once.
    func stop() {
        stopping.stop()
        bell.ring()
    }

    /// Asks it to look whether there is something to run.
    func wake() {
        state.withLock { $0.isAwakened = true }
        bell.ring()
    }

    /// Returns when ``run()`` has ended, or when the task is cancelled.
    func untilEnded() async { await ended.untilStopped() }
    private let ended = StopSignal(grace: .zero)

    /// Runs until ``stop()``, after which runs under way may go on for the grace, or until the task is cancelled.
    func run() async {
        defer {
            bell.fallSilent()
            ended.stop()
        }
        await bell.whileForeign { await untilPredecessorEnded() }
        guard let claim else { return }
        guard await isPrepared() else { return }
        tell(.started(claim.schedule))
        var course = Course(
            schedule: claim.schedule,
            machine: TickMachine(Timetable(claim.schedule, worker: name), missed: claim.options.missed))
        await withDiscardingTaskGroup { runs in
            while await turn(claim, &course, &runs) {}
        }
        await bell.whileForeign { await finishing { [worker] in await worker.cleanUp() } }
        tell(.stopped)
    }

    private func untilPredecessorEnded() async {
        await state.withLock { $0.predecessor }?.untilEnded()
        state.withLock { $0.predecessor = nil }
    }

    /// Where the loop stands.
    private struct Course {
        /// The schedule it goes by.
        var schedule: Schedule
        /// That schedule as Redis has it, where this instance was told of it.
        var text: String?
        /// Whether it was told that the server's clock was set back.
        var isBehindTold = false
        /// The last failure that was told.
        var failure: String?
        var machine: TickMachine
        /// ``LocalClock/changes`` before the last look.
        var seen = 0
    }

    /// One step. False at the end.
    private func turn(_ claim: TickClaim, _ course: inout Course, _ runs: inout DiscardingTaskGroup) async
        -> Bool
    {
        guard !stopping.isStopping, !Task.isCancelled else { return false }
        let (running, isAwakened) = state.withLock { state in
            defer { state.isAwakened = false }
            return (state.running, state.isAwakened)
        }
        if isAwakened { course.machine.wake() }
        guard running < claim.options.concurrency else {
            await bell.wait(until: nil)
            return true
        }
        switch course.machine.next(at: core.clock.now) {
        case .wait(let instant): await bell.wait(until: instant)
        case .poll(let instant, let due): await bell.wait(until: due, orLook: (instant, course.seen))
        case .look(let look):
            course.seen = core.clock.changes
            do throws(RedisError) {
                let token = core.instance.token()
                let reply = try await claim.look(
                    look, goingBy: course.schedule, text: course.text, token: token)
                course.machine.answered(reply.answer, at: core.clock.now)
                course.failure = nil
                tellOfClock(&course)
                switch reply.answer.verdict {
                case .waiting: break
                case .follow(let text): follow(text, &course)
                case .claimed(let run): begin(run, token, reply, claim, course.schedule, &runs)
                }
            } catch  where error.code == .closed {
                return false
            } catch {
                // What lasts, as a field that cannot be read, is told once.
                let failure = "\(error)"
                tell(.lookingFailed(failure, again: failure == course.failure))
                course.failure = failure
                course.machine.failed(refused: error.delivery == .refused, at: core.clock.now)
            }
        }
        return true
    }

    private func follow(_ text: String, _ course: inout Course) {
        do {
            course.schedule = try Schedule.parse(text)
            course.text = text
            course.machine.follow(Timetable(course.schedule, worker: name))
            tell(.follows(schedule: text))
        } catch {
            tell(.standsBack(error))
            course.machine.standBack(at: core.clock.now)
        }
    }

    /// Once for each time that the server's clock was set back behind the worker's cursor.
    private func tellOfClock(_ course: inout Course) {
        defer { course.isBehindTold = course.machine.lead != nil }
        guard let lead = course.machine.lead, !course.isBehindTold else { return }
        tell(.clockWasSetBack(by: lead))
    }

    /// A claimed run is begun even if the stop has come meanwhile: nobody else would.
    private func begin(
        _ run: ClaimedRun, _ token: String, _ reply: TickReply, _ claim: TickClaim,
        _ schedule: Schedule, _ runs: inout DiscardingTaskGroup
    ) {
        let tickRun = TickRun(
            worker: worker, claim: claim, run: run, token: token, sentAt: reply.sentAt,
            serverTime: reply.answer.serverTime, followsRuns: schedule.followsRuns, core: core,
            stopping: stopping)
        state.withLock { $0.running += 1 }
        let activity = core.clock.begin(.foreign)
        runs.addTask {
            await [activity].compactMap(\.self).including { await tickRun() }
            self.state.withLock { state in
                state.running -= 1
                // Its end moved the cursor.
                if schedule.followsRuns { state.isAwakened = true }
            }
            self.bell.ring()
            activity?.end()
        }
    }

    /// Prepares the worker, again and again until that succeeds. False when the stop came first.
    private func isPrepared() async -> Bool {
        var pause: Duration = .seconds(1)
        while !stopping.isStopping && !Task.isCancelled {
            let error = Mutex<(any Error)?>(nil)
            await bell.whileForeign {
                await finishing { [worker] in
                    do { try await worker.prepare() } catch let failure { error.withLock { $0 = failure } }
                }
            }
            guard let failure = error.withLock({ $0 }) else { return !stopping.isStopping }
            tell(.preparingFailed(failure, pause: pause))
            await bell.wait(until: core.clock.now + pause)
            pause = min(pause * 2, .seconds(60))
        }
        return false
    }

    /// Runs `body`, and cancels it when the grace after a stop is over.
    private func finishing(_ body: @escaping @Sendable () async -> Void) async {
        await withTaskGroup { group in
            group.addTask { await body() }
            group.addTask { [stopping] in await stopping.untilGraceEnds() }
            await group.next()
            group.cancelAll()
        }
    }
}
