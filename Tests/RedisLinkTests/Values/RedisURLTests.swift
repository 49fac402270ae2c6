import Testing

@testable import RedisLink

@Suite("Redis URLs")
struct RedisURLTests {
    typealias Endpoint = RedisConfiguration.Endpoint

    @Test(
        "a redis URL names a host, a port and a database",
        arguments: [
            ("redis://localhost", Endpoint.tcp(host: "localhost", port: 6379), 0),
            ("redis://localhost/", .tcp(host: "localhost", port: 6379), 0),
            ("redis://", .tcp(host: "127.0.0.1", port: 6379), 0),
            ("redis:///3", .tcp(host: "127.0.0.1", port: 6379), 3),
            ("redis://:7000", .tcp(host: "127.0.0.1", port: 7000), 0),
            ("redis://10.0.0.1:1/15", .tcp(host: "10.0.0.1", port: 1), 15),
            ("REDIS://Host:65535/0", .tcp(host: "Host", port: 65535), 0),
            ("redis://[::1]", .tcp(host: "::1", port: 6379), 0),
            ("redis://[fe80::1]:6380/2", .tcp(host: "fe80::1", port: 6380), 2),
        ])
    func tcp(url: String, endpoint: Endpoint, database: Int) throws {
        let configuration = try RedisConfiguration(url: url)
        #expect(configuration.endpoint == endpoint)
        #expect(configuration.database == database)
        guard case .none = configuration.credentials else {
            Issue.record("credentials out of nothing")
            return
        }
    }

    @Test(
        "a unix URL names a path and a database",
        arguments: [
            ("redis+unix:///run/redis.sock", "/run/redis.sock", 0),
            ("redis+unix:///run/redis.sock?db=4", "/run/redis.sock", 4),
            ("redis+unix:///run/redis.sock?", "/run/redis.sock", 0),
            ("redis+unix:///run/my%20redis%3F.sock", "/run/my redis?.sock", 0),
            ("unix:///r@s.sock", "/r@s.sock", 0),
            ("Redis+Unix:///x", "/x", 0),
        ])
    func unix(url: String, path: String, database: Int) throws {
        let configuration = try RedisConfiguration(url: url)
        #expect(configuration.endpoint == .unix(path: path))
        #expect(configuration.database == database)
    }

    @Test(
        "user and password are read, percent-decoded, up to the last @ before the path",
        arguments: [
            ("redis://:pw@h", nil, "pw"),
            ("redis://u:pw@h:1/2", "u", "pw"),
            ("redis://u:@h", "u", ""),
            ("redis://u:p:w@h", "u", "p:w"),
            ("redis://u:p@w@h", "u", "p@w"),
            ("redis://u%3a1:p%2Fw%25%00@h", "u:1", "p/w%\u{0}"),
            ("redis://:%C3%A4%F0%9F%94%92@h", nil, "ä🔒"),
            ("redis+unix://u:pw@/run/r.sock?db=1", "u", "pw"),
            ("redis+unix://:pw@/run/a@b.sock", nil, "pw"),
        ] as [(String, String?, String?)])
    func credentials(url: String, user: String?, password: String?) throws {
        let configuration = try RedisConfiguration(url: url)
        guard case .fixed(let credentials) = configuration.credentials else {
            #expect(password == nil)
            return
        }
        #expect(credentials.user == user)
        #expect(credentials.password.value == password)
    }

    @Test(
        "what cannot be used is refused, and the error never repeats the password",
        arguments: [
            "", "localhost:6379", "/run/redis.sock", "CANARY", "://u:CANARY@h",
            "http://u:CANARY@h", "CANARY://h", "redis-sentinel://:CANARY@a,b/m",
            "redis-cluster://:CANARY@a,b",
            "redis://u:CANARY@h:0", "redis://u:CANARY@h:65536", "redis://u:CANARY@h:x", "redis://u:CANARY@h:",
            "redis://u:CANARY@h/x", "redis://u:CANARY@h/-1", "redis://u:CANARY@h/1/2",
            "redis://u:CANARY@h?db=1",
            "redis://u:CANARY@h/1?x=y", "redis://u:CANARY@[::1", "redis://u:CANARY@[::1]x",
            "redis://u:CANARY%@h", "redis://u:CANARY%2@h", "redis://u:CANARY%zz@h", "redis://u:CANARY%+1@h",
            "redis://u:CANARY%ff@h", "redis://u:CAN/ARY@h", "redis://u:CANARY/x@h",
            "redis://CANARY@h", "rediss://CANARY@h", "redis+unix://CANARY@/run/r.sock",
            "redis+unix://u:CANARY@run/r.sock", "redis+unix://", "redis+unix://u:CANARY@/r?db=x",
            "redis+unix://u:CANARY@/r?password=CANARY", "redis+unix://u:CANARY@/r?db=1&x=CANARY",
            "redis+unix://u:CANARY@/r%zz", "redis://:@h", "rediss://:@h/1", "redis+unix://:@/run/r.sock",
        ])
    func refused(url: String) {
        let error = #expect(throws: RedisError.self) { try RedisConfiguration(url: url) }
        #expect(error?.code == .invalidConfiguration)
        #expect(error?.delivery == .notDelivered)
        for text in [error?.description ?? "", String(reflecting: error), dumped(error as Any)] {
            #expect(!text.contains("CANARY") && !text.contains("ARY"), "\(text)")
        }
    }

    @Test(
        "a slash in a password is told as that, and how to write it",
        arguments: [
            "redis://team:CAN/AR:Y@h", "redis://team:CAN/ARY@h:6379/1", "redis://:CANARY/@h",
            "redis://team:CAN/AR?Y@h", "rediss://team:CAN/ARY@h", "rediss://team:CAN/AR?Y@h?ca=f",
            "redis+unix://team:CAN/ARY@/run/r.sock",
        ])
    func slashInPassword(url: String) {
        let error = #expect(throws: RedisError.self) { try RedisConfiguration(url: url) }
        #expect(error?.message.contains("write / as %2F") == true, "\(error?.message ?? "")")
        #expect(error?.message.contains("AR") == false)
    }

    @Test("an @ in the name of a file is no part of a password")
    func fileWithAt() throws {
        let tls = try RedisConfiguration(url: "rediss://h:6379/1?ca=/etc/a@b.pem").tls
        #expect(tls?.authorityFile == "/etc/a@b.pem")
        #expect(try RedisConfiguration(url: "rediss://[::1]/?ca=/a@b").tls?.authorityFile == "/a@b")
    }

    @Test("an empty password is told as that")
    func emptyPassword() {
        let error = #expect(throws: RedisError.self) { try RedisConfiguration(url: "redis://:@h") }
        #expect(error?.message.contains("empty password") == true)
    }

    @Test("a rediss URL names files and the server, percent-decoded")
    func tls() throws {
        let plain = try RedisConfiguration(url: "rediss://h")
        #expect(plain.tls == TLSConfiguration())
        let url = "rediss://u:pw@h:1/2?ca=/a%20b/ca.pem&cert=c.pem&key=k.pem&server-name=redis.test"
        let configuration = try RedisConfiguration(url: url)
        #expect(configuration.endpoint == .tcp(host: "h", port: 1))
        #expect(configuration.database == 2)
        #expect(
            configuration.tls
                == TLSConfiguration(
                    authorityFile: "/a b/ca.pem", certificateFile: "c.pem", keyFile: "k.pem",
                    serverName: "redis.test"))
    }

    @Test(
        "a rediss URL with a parameter that means nothing is refused",
        arguments: [
            "server-name=", "ca", "ca=", "server-name=%00", "server-name=a%00b", "key=k", "verify=no",
        ])
    func refusedTLS(query: String) {
        let error = #expect(throws: RedisError.self) { try RedisConfiguration(url: "rediss://h?\(query)") }
        #expect(error?.code == .invalidConfiguration)
    }

    @Test("numbers of a URL are plain digits")
    func plainDigits() {
        for url in ["redis://h:+80", "redis://h/+1", "redis+unix:///r?db=+1"] {
            #expect(throws: RedisError.self) { try RedisConfiguration(url: url) }
        }
    }
}

func dumped(_ value: Any) -> String {
    var text = ""
    dump(value, to: &text)
    return text
}
