import HoldfastTesting
import TestSupport
import Testing

@testable import Holdfast

@Suite("Credentials")
struct CredentialsTests {
    @Test(
        "show their password in no description, dump or mirror, also inside a configuration, and are not Codable"
    )
    func shownNowhere() {
        let credentials = RedisCredentials(user: "me", password: "CANARY")
        var configuration = Holdfast.Configuration()
        configuration.credentials = { credentials }
        for value in [credentials, [credentials], ["k": credentials as RedisCredentials?], configuration]
            as [Any]
        {
            var dumped = ""
            dump(value, to: &dumped)
            for text in [String(describing: value), String(reflecting: value), "\(value)", dumped] {
                #expect(!text.contains("CANARY"))
            }
        }
        #expect("\(credentials)" == "RedisCredentials(user: me)")
        #expect(!((credentials as Any) is any Encodable))
        #expect(!((credentials as Any) is any Decodable))
    }

    @Test("that a closure gives are used; one that throws is an error of its own, without the closure's text")
    func asked() async throws {
        struct Sealed: Error, CustomStringConvertible { var description: String { "CANARY" } }
        try await withPrivateRedisServer(.init(password: "pw")) { server in
            let cases: [(@Sendable () async throws -> RedisCredentials, HoldfastError.Code?)] = [
                ({ @Sendable in RedisCredentials(password: "pw") }, nil),
                ({ @Sendable in RedisCredentials(password: "wrong") }, .authenticationFailed),
                ({ @Sendable in throw Sealed() }, .credentialsUnavailable),
            ]
            for (credentials, code) in cases {
                var configuration = Holdfast.Configuration()
                configuration.credentials = credentials
                let holdfast = try Holdfast(redis: server.url, configuration: configuration, logger: .quiet)
                do {
                    try await holdfast.connect()
                    #expect(code == nil)
                } catch let error as HoldfastError {
                    #expect(error.code == code)
                    #expect(!String(reflecting: error).contains("CANARY"))
                    #expect(!error.mayHaveHappened)
                }
                await holdfast.close()
            }
        }
    }
}
