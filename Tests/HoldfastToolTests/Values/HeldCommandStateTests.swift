import Foundation
import Processes
import Testing

@testable import HoldfastTool

@Suite struct HeldCommandStateTests {
    /// The actions after each of the events.
    private static func actions(_ events: HeldCommandState.Event...) -> [[HeldCommandState.Action]] {
        var state = HeldCommandState()
        return events.map { state.handle($0) }
    }

    @Test func `The command's end decides the status`() {
        #expect(Self.actions(.child(.exited(status: 3))) == [[.finish(status: 3)]])
        #expect(Self.actions(.child(.killed(signal: SIGSEGV))) == [[.finish(status: 128 + SIGSEGV)]])
    }

    @Test func `A signal from the terminal that only the command got is kept for the job`() {
        var state = HeldCommandState()
        _ = state.handle(.child(.killed(signal: SIGINT)))
        #expect(state.interruption == SIGINT)
        state = HeldCommandState()
        _ = state.handle(.signal(SIGINT))
        _ = state.handle(.child(.killed(signal: SIGINT)))
        #expect(state.interruption == nil)
        state = HeldCommandState()
        _ = state.handle(.child(.killed(signal: SIGTERM)))
        #expect(state.interruption == nil)
    }

    @Test func `Signals are passed on`() {
        #expect(Self.actions(.signal(SIGINT), .signal(SIGTSTP)) == [[.send(SIGINT)], [.send(SIGTSTP)]])
    }

    @Test func `A lost lock stops the command, at last by force, and decides the status`() {
        #expect(
            Self.actions(.lost(reason: "r"), .graceOver, .child(.killed(signal: SIGKILL))) == [
                [.send(SIGTERM), .send(SIGCONT), .startGrace, .tellLoss(reason: "r")], [.send(SIGKILL)],
                [.sendRest(SIGKILL), .finish(status: 79)],
            ])
    }

    @Test func `After a loss, what the command started must end too, at last by force`() {
        let over = HeldCommandState.Event.child(.exited(status: 0))
        #expect(
            Self.actions(.lost(reason: "r"), over, .restEnded).suffix(2) == [
                [.watchRest], [.finish(status: 79)],
            ])
        #expect(
            Self.actions(.lost(reason: "r"), over, .graceOver).suffix(2) == [
                [.watchRest], [.sendRest(SIGKILL), .finish(status: 79)],
            ])
    }

    @Test func `A loss is told once`() {
        #expect(Self.actions(.lost(reason: "r"), .lost(reason: "again")).last == [])
    }

    @Test func `A command that asks for the terminal gets it, one that was suspended suspends us`() {
        #expect(Self.actions(.child(.stopped(signal: SIGTTIN))) == [[.provideTerminal]])
        #expect(Self.actions(.child(.stopped(signal: SIGTTOU))) == [[.provideTerminal]])
        #expect(Self.actions(.child(.stopped(signal: SIGTSTP))) == [[.suspend]])
        #expect(Self.actions(.signal(SIGCONT)) == [[.resume]])
    }

    @Test func `A command that somebody stopped by SIGSTOP is left alone`() {
        #expect(Self.actions(.child(.stopped(signal: SIGSTOP)), .child(.running)) == [[], []])
    }
}
