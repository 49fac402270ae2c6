import Testing

@testable import RedisLink

@Suite("Secrets")
struct SecretTests {
    private let secret = Secret("CANARY")

    @Test("a secret shows itself in no description, interpolation or dump")
    func shownNowhere() {
        #expect(texts(of: secret).allSatisfy { !$0.contains("CANARY") })
        #expect(texts(of: [secret]).allSatisfy { !$0.contains("CANARY") })
        #expect(texts(of: ["k": secret as Secret?]).allSatisfy { !$0.contains("CANARY") })
        #expect(secret.value == "CANARY")
    }

    @Test("a configuration describes its endpoint and database, and never its user or password")
    func configuration() throws {
        for (url, description) in [
            ("redis://me:CANARY@h:1/2", "redis://h:1/2"),
            ("redis://me:CANARY@[::1]:1/2", "redis://[::1]:1/2"),
            ("redis+unix://me:CANARY@/r.sock?db=3", "redis+unix:///r.sock?db=3"),
        ] {
            let configuration = try RedisConfiguration(url: url)
            #expect(configuration.description == description)
            #expect(texts(of: configuration).allSatisfy { !$0.contains("CANARY") })
            #expect(texts(of: [configuration]).allSatisfy { !$0.contains("CANARY") })
            // What a configuration says of itself leads back to the same place.
            #expect(try RedisConfiguration(url: description).endpoint == configuration.endpoint)
            #expect(try RedisConfiguration(url: description).database == configuration.database)
        }
    }

    private func texts(of value: Any) -> [String] {
        [String(describing: value), String(reflecting: value), "\(value)", dumped(value)]
    }
}
