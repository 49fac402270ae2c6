import Foundation
import Testing

@testable import HoldfastTesting

@Suite("The setup of a private redis-server")
struct PrivateRedisServerSetupTests {
    @Test("keeps the socket's path short enough for the system")
    func shortPaths() {
        let short = ServerFiles(temporaryDirectory: "/var/tmp/")
        #expect(short.directory.hasPrefix("/var/tmp/holdfast-"))
        let long = ServerFiles(temporaryDirectory: "/" + String(repeating: "x", count: 80))
        #expect(long.directory.hasPrefix("/tmp/holdfast-"))
        #expect(long.socket.utf8.count <= 103)
    }

    @Test("names no directory twice")
    func distinctPaths() {
        let names = Set((0..<1000).map { _ in ServerFiles().directory })
        #expect(names.count == 1000)
    }

    @Test("escapes the path in the URL and in redis.conf")
    func escapes() {
        let files = ServerFiles(directory: #"/tmp/a "b" 50%"#)
        #expect(files.url == "redis+unix:///tmp/a%20%22b%22%2050%25/redis.sock")
        let text = PrivateRedisServer.Options().configurationText(for: files)
        #expect(text.contains(#"dir "/tmp/a \"b\" 50%""#))
    }

    @Test("opens no TCP port unless asked, saves no snapshots, and puts the caller's lines last")
    func configuration() {
        let options = PrivateRedisServer.Options(configuration: ["hz 100"])
        let lines = options.configurationText(for: ServerFiles()).split(separator: "\n")
        #expect(lines.contains("port 0"))
        #expect(lines.contains("save \"\""))
        #expect(lines.contains("appendonly no"))
        #expect(lines.last == "hz 100")
    }

    @Test("takes the executable from the options, then from the environment, then from PATH")
    func findsTheExecutable() throws {
        #expect(
            try ServerBinary.find("/bin/sh", environment: ["HOLDFAST_REDIS_SERVER": "/bin/cat"]) == "/bin/sh")
        #expect(try ServerBinary.find(nil, environment: ["HOLDFAST_REDIS_SERVER": "/bin/cat"]) == "/bin/cat")
        #expect(try ServerBinary.find("sh", environment: ["PATH": "/nowhere:/bin"]) == "/bin/sh")
    }

    @Test("takes the transport from the options, then from the environment, and refuses another word")
    func findsTheTransport() throws {
        typealias Transport = PrivateRedisServer.Transport
        let variable = "HOLDFAST_TEST_TRANSPORT"
        #expect(try Transport.find(nil, environment: [:]) == .unix)
        #expect(try Transport.find(nil, environment: [variable: "tls"]) == .tls)
        #expect(try Transport.find(.tcp, environment: [variable: "tls"]) == .tcp)
        let error = #expect(throws: PrivateRedisServerError.self) {
            try Transport.find(nil, environment: [variable: "udp"])
        }
        #expect(error?.message.contains("unix, tcp or tls") == true)
        let options = try PrivateRedisServer.Options(transport: .tcp, binary: "/bin/sh").resolved()
        #expect(options.tcpPort ?? 0 > 0)
    }

    @Test("picks ports that the system gives to no connecting socket")
    func ports() throws {
        for _ in 0..<200 {
            let port = try LocalSocket.freeTCPPort()
            #expect((10_240..<32_768).contains(port))
        }
    }

    @Test("says what to install when there is no redis-server")
    func saysWhatToInstall() {
        let missing = #expect(throws: PrivateRedisServerError.self) {
            try ServerBinary.find(nil, environment: ["PATH": "/nowhere"])
        }
        #expect(missing?.code == .notInstalled)
        #expect(missing?.message.contains("apt-get install redis-server") == true)

        let misnamed = #expect(throws: PrivateRedisServerError.self) {
            try ServerBinary.find(nil, environment: ["HOLDFAST_REDIS_SERVER": "/nowhere/redis-server"])
        }
        #expect(misnamed?.message.contains("/nowhere/redis-server") == true)
    }
}
