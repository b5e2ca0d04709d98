import java.nio.charset.StandardCharsets;
import java.util.Base64;
import java.util.List;
import java.util.Map;
import java.util.function.UnaryOperator;
import org.opensearch.common.settings.Settings;
import org.opensearch.common.util.concurrent.ThreadContext;
import org.opensearch.core.rest.RestStatus;
import org.opensearch.node.InternalSettingsPreparer;
import org.opensearch.node.Node;
import org.opensearch.plugins.ActionPlugin;
import org.opensearch.plugins.Plugin;
import org.opensearch.rest.BytesRestResponse;
import org.opensearch.rest.RestHandler;
import org.opensearch.transport.Netty4Plugin;

/** A node on loopback until it is ended: port of HTTP, port of nodes, folder, `user:password`. */
public class Serve extends Node {
    /** What users are, without the whole of a security plugin: whoever does not say the password is refused. */
    public static class Password extends Plugin implements ActionPlugin {
        static String expected;

        @Override
        public UnaryOperator<RestHandler> getRestHandlerWrapper(ThreadContext context) {
            return handler -> (request, channel, client) -> {
                if (expected.equals(request.header("Authorization"))) {
                    handler.handleRequest(request, channel, client);
                } else {
                    channel.sendResponse(new BytesRestResponse(RestStatus.UNAUTHORIZED, "Unauthorized"));
                }
            };
        }
    }

    Serve(Settings settings) {
        super(InternalSettingsPreparer.prepareEnvironment(settings, Map.of(), null, () -> "test"),
            List.of(Netty4Plugin.class, Password.class), false);
    }

    public static void main(String[] arguments) throws Exception {
        byte[] user = arguments[3].getBytes(StandardCharsets.UTF_8);
        Password.expected = "Basic " + Base64.getEncoder().encodeToString(user);
        Settings settings = Settings.builder()
            .put("network.host", "127.0.0.1")
            .put("http.port", arguments[0])
            .put("transport.port", arguments[1])
            .put("path.home", arguments[2])
            .put("cluster.name", "billflow-tests-" + arguments[0])
            .put("discovery.type", "single-node")
            .put("cluster.routing.allocation.disk.threshold_enabled", false)
            .build();
        new Serve(settings).start();
        Thread.currentThread().join();
    }
}
