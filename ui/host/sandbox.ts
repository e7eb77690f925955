/** The frame between a host and a view, of an origin of its own: it passes messages on, both ways. */

const READY = "ui/notifications/sandbox-proxy-ready";
const RESOURCE = "ui/notifications/sandbox-resource-ready";

const inner = document.createElement("iframe");
inner.style.cssText = "border: 0; width: 100%; height: 100vh; display: block";
document.body.append(inner);

window.addEventListener("message", ({ source, data }) => {
  if (source === window.parent) {
    if (data?.method !== RESOURCE) {
      inner.contentWindow?.postMessage(data, "*");
      return;
    }
    inner.setAttribute("sandbox", data.params.sandbox ?? "allow-scripts");
    inner.srcdoc = data.params.html;
  } else if (source === inner.contentWindow) {
    window.parent.postMessage(data, "*");
  }
});

window.parent.postMessage({ jsonrpc: "2.0", method: READY, params: {} }, "*");
