import Testing

@testable import RedisLink

@Suite("The failure of a session")
struct SessionFailureTests {
    private func failure(_ phase: SessionState.Phase) -> SessionFailure {
        SessionFailure(phase: phase, configuration: RedisConfiguration(endpoint: .tcp(host: "h", port: 1)))
    }

    @Test("before the session is ready is one to connect, and nothing was delivered")
    func phases() {
        for phase in [SessionState.Phase.connecting, .securing, .authorizing, .greeting] {
            #expect(failure(phase).lost("it ended").code == .connectFailed)
            #expect(failure(phase).lost("it ended").delivery == .notDelivered)
            #expect(failure(phase).timedOut.delivery == .notDelivered)
        }
        #expect(failure(.ready).lost("it ended").code == .connectionLost)
        #expect(failure(.ready).lost("it ended").delivery == .unknown)
        #expect(failure(.authorizing).timedOut.code == .credentialsUnavailable)
    }

    @Test("guesses at TLS only where nothing ever came in plain text, by way of a network")
    func guess() {
        var lost = failure(.greeting)
        #expect(lost.lost("it ended").message.contains("rediss://"))
        lost.hasReceived = true
        #expect(!lost.lost("it ended").message.contains("rediss://"))
        lost.hasReceived = false
        lost.isEncrypted = true
        #expect(!lost.lost("it ended").message.contains("rediss://"))
        let local = SessionFailure(
            phase: .greeting, configuration: RedisConfiguration(endpoint: .unix(path: "/r.sock")))
        #expect(!local.lost("it ended").message.contains("rediss://"))
    }

    @Test("is one of TLS where TLS refused, until the session was ready")
    func refusedByTLS() {
        var lost = failure(.greeting)
        lost.tlsFailure = "the certificate has expired"
        #expect(lost.lost("it ended").code == .tlsFailed)
        #expect(lost.lost("it ended").message.contains("has expired"))
        lost = failure(.ready)
        lost.tlsFailure = "the certificate has expired"
        #expect(lost.lost("it ended").code == .connectionLost)
    }
}
