// Post one contact to Switchboard: java demo/senders/Send.java "昨天支付了两次，请尽快退款"
// Needs SWITCHBOARD_KEY (role channel); posting the same id again is harmless.

import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.util.UUID;

public class Send {
    public static void main(String[] args) throws Exception {
        String id = args.length > 1 ? args[1] : UUID.randomUUID().toString();
        String contact = "{\"source\": \"my-system\", \"id\": \"" + id + "\", \"channel\": \"web\", \"text\": " + quoted(args[0]) + "}";
        String intake = System.getenv().getOrDefault("INTAKE_URL", "http://127.0.0.1:8101");
        HttpRequest request = HttpRequest.newBuilder(URI.create(intake + "/v1/contacts"))
            .header("Authorization", "Bearer " + System.getenv("SWITCHBOARD_KEY"))
            .header("Content-Type", "application/json")
            .POST(HttpRequest.BodyPublishers.ofString(contact)).build();
        // Not the default, which asks for HTTP/2 first and is not understood.
        HttpClient client = HttpClient.newBuilder().version(HttpClient.Version.HTTP_1_1).build();
        HttpResponse<String> answer = client.send(request, HttpResponse.BodyHandlers.ofString());
        System.out.println(answer.body());
        System.exit(answer.statusCode() < 300 ? 0 : 1);
    }

    static String quoted(String text) {
        StringBuilder json = new StringBuilder("\"");
        text.chars().forEach(c -> json.append(c < 32 || c == '"' || c == '\\' ? String.format("\\u%04x", c) : (char) c));
        return json.append('"').toString();
    }
}
