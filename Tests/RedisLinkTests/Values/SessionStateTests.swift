import Testing

@testable import RedisLink

@Suite("The state of a session")
struct SessionStateTests {
    /// A state in the given phase, after one attempt unless it is idle.
    private func state(in phase: SessionState.Phase) -> SessionState {
        var state = SessionState()
        switch phase {
        case .idle: break
        case .resolving: _ = state.begin()
        case .connecting:
            state = self.state(in: .resolving)
            _ = state.resolved(attempt: 1)
        case .securing:
            state = self.state(in: .connecting)
            state.secure()
        case .authorizing:
            state = self.state(in: .connecting)
            state.authorize()
        case .greeting:
            state = self.state(in: .connecting)
            state.greet()
        case .ready:
            state = self.state(in: .greeting)
            state.greeted()
        case .waiting:
            state = self.state(in: .resolving)
            _ = state.failed(random: 0)
        case .closed: state.close()
        }
        precondition(state.phase == phase)
        return state
    }

    private let phases: [SessionState.Phase] = [
        .idle, .resolving, .connecting, .securing, .authorizing, .greeting, .ready, .waiting,
        .closed,
    ]

    @Test("only an idle session begins because it is asked to")
    func begin() {
        for phase in phases {
            var state = state(in: phase)
            let attempt = state.attempt
            let begins = phase == .idle
            #expect(state.begin() == begins, "\(phase)")
            #expect(state.phase == (begins ? .resolving : phase))
            #expect(state.attempt == attempt + (begins ? 1 : 0))
        }
    }

    @Test("only a waiting session tries again")
    func retry() {
        for phase in phases {
            var state = state(in: phase)
            let attempt = state.attempt
            let begins = phase == .waiting
            #expect(state.retry() == begins, "\(phase)")
            #expect(state.phase == (begins ? .resolving : phase))
            #expect(state.attempt == attempt + (begins ? 1 : 0))
        }
    }

    @Test("the name service is heard while it is waited for, and only for the present attempt")
    func resolved() {
        for phase in phases {
            var current = state(in: phase)
            let heard = current.resolved(attempt: current.attempt)
            #expect(heard == (phase == .resolving), "\(phase)")
            #expect(current.phase == (heard ? .connecting : phase))

            var late = state(in: phase)
            #expect(late.resolved(attempt: late.attempt - 1) == false)
            #expect(late.phase == phase)
        }
    }

    @Test("the greeting begins on a connection of any kind, and the session is ready when it is over")
    func greeting() {
        for phase in [SessionState.Phase.connecting, .securing, .authorizing] {
            var state = state(in: phase)
            state.greet()
            #expect(state.phase == .greeting, "\(phase)")
            state.greeted()
            #expect(state.phase == .ready, "\(phase)")
        }
    }

    @Test("a failure ends an attempt or a connection, once")
    func failed() {
        for phase in phases {
            var state = state(in: phase)
            let wait = state.failed(random: 0.5)
            switch phase {
            case .resolving, .connecting, .securing, .authorizing, .greeting, .ready:
                #expect(wait == .milliseconds(25), "\(phase)")
                #expect(state.phase == .waiting)
                #expect(state.failed(random: 0.5) == nil)
            case .idle, .waiting, .closed:
                #expect(wait == nil, "\(phase)")
                #expect(state.phase == phase)
            }
        }
    }

    @Test("closing is final from every phase")
    func close() {
        for phase in phases {
            var state = state(in: phase)
            state.close()
            #expect(state.phase == .closed)
            #expect(state.begin() == false)
            #expect(state.retry() == false)
            #expect(state.resolved(attempt: state.attempt) == false)
            #expect(state.failed(random: 0) == nil)
            #expect(state.phase == .closed)
        }
    }

    @Test("the back-off grows until a connection has answered")
    func backoff() {
        var state = SessionState()
        _ = state.begin()
        var waits: [Duration?] = []
        for _ in 0..<4 {
            waits.append(state.failed(random: 0.5))
            _ = state.retry()
        }
        #expect(waits == [.milliseconds(25), .milliseconds(50), .milliseconds(100), .milliseconds(200)])
        // Accepted and dropped, as by a server that is full: still a failure.
        _ = state.resolved(attempt: state.attempt)
        state.greet()
        #expect(state.failed(random: 0.5) == .milliseconds(400))
        _ = state.retry()
        _ = state.resolved(attempt: state.attempt)
        state.greet()
        state.greeted()
        #expect(state.failed(random: 0.5) == .milliseconds(25))
    }

    @Test("the owner's answer is heard while it is waited for, and only for the present attempt")
    func authorizing() {
        for phase in phases {
            let state = state(in: phase)
            #expect(state.isAuthorizing(attempt: state.attempt) == (phase == .authorizing), "\(phase)")
            #expect(state.isAuthorizing(attempt: state.attempt - 1) == false)
        }
        var secured = state(in: .securing)
        secured.authorize()
        #expect(secured.phase == .authorizing)
    }

    @Test("a server that is unfit counts as a failure although its connection stood")
    func unfit() {
        var state = SessionState()
        _ = state.begin()
        var waits: [Duration?] = []
        for _ in 0..<4 {
            _ = state.resolved(attempt: state.attempt)
            state.greet()
            state.greeted()
            waits.append(state.failed(random: 0.5, unfit: true))
            _ = state.retry()
        }
        #expect(waits == [.milliseconds(25), .milliseconds(50), .milliseconds(100), .milliseconds(200)])
        _ = state.resolved(attempt: state.attempt)
        state.greet()
        state.greeted()
        #expect(state.failed(random: 0.5) == .milliseconds(25), "this one served until it was lost")
    }
}
