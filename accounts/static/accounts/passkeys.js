// Makes and uses passkeys: asks this service for options, lets the browser act, and sends back what it made.
"use strict";

(() => {
    const bytes = (text) =>
        Uint8Array.from(atob(text.replaceAll("-", "+").replaceAll("_", "/")), (letter) => letter.charCodeAt(0));
    const text = (buffer) =>
        btoa(String.fromCharCode(...new Uint8Array(buffer)))
            .replaceAll("+", "-")
            .replaceAll("/", "_")
            .replaceAll("=", "");
    const described = (list) => (list || []).map((one) => ({ ...one, id: bytes(one.id) }));

    const ask = async (address, body) => {
        const response = await fetch(address, {
            method: "POST",
            headers: {
                "Content-Type": "application/json",
                "X-CSRFToken": document.querySelector("[name=csrfmiddlewaretoken]").value,
            },
            body: JSON.stringify(body),
        });
        const isJson = (response.headers.get("Content-Type") || "").startsWith("application/json");
        const answer = isJson ? await response.json() : {};
        if (!response.ok || !isJson || response.redirected) {
            throw new Error(answer.detail || "This did not work; reload the page and try again.");
        }
        return answer;
    };

    const made = (credential, response) => ({
        id: credential.id,
        rawId: text(credential.rawId),
        type: credential.type,
        authenticatorAttachment: credential.authenticatorAttachment,
        response,
    });

    const register = async (options) => {
        const credential = await navigator.credentials.create({
            publicKey: {
                ...options,
                challenge: bytes(options.challenge),
                user: { ...options.user, id: bytes(options.user.id) },
                excludeCredentials: described(options.excludeCredentials),
            },
        });
        const response = credential.response;
        return made(credential, {
            clientDataJSON: text(response.clientDataJSON),
            attestationObject: text(response.attestationObject),
            transports: response.getTransports ? response.getTransports() : [],
        });
    };

    const use = async (options) => {
        const credential = await navigator.credentials.get({
            publicKey: {
                ...options,
                challenge: bytes(options.challenge),
                allowCredentials: described(options.allowCredentials),
            },
        });
        const response = credential.response;
        return made(credential, {
            clientDataJSON: text(response.clientDataJSON),
            authenticatorData: text(response.authenticatorData),
            signature: text(response.signature),
            userHandle: response.userHandle ? text(response.userHandle) : null,
        });
    };

    const explained = (error) => {
        if (error.name === "InvalidStateError") {
            return "This device has a passkey for you already.";
        }
        if (error.name === "NotAllowedError" || error.name === "AbortError") {
            return "Nothing was chosen in time; try again when you are ready.";
        }
        return error.message;
    };

    const run = async (button) => {
        const trouble = document.querySelector("[data-passkey-trouble]");
        trouble.hidden = true;
        button.disabled = true;
        try {
            if (!window.PublicKeyCredential) {
                throw new Error("This browser has no passkeys; use another way.");
            }
            const options = await ask(button.dataset.begin, {});
            const credential = await (button.dataset.passkey === "register" ? register : use)(options);
            const name = button.dataset.name ? document.getElementById(button.dataset.name).value : "";
            const { next } = await ask(button.dataset.complete, { credential, name });
            window.location.assign(next);
        } catch (error) {
            trouble.textContent = explained(error);
            trouble.hidden = false;
            button.disabled = false;
        }
    };

    for (const button of document.querySelectorAll("[data-passkey]")) {
        const form = button.closest("[data-passkey-form]");
        (form || button).addEventListener(form ? "submit" : "click", (event) => {
            event.preventDefault();
            run(button);
        });
    }
})();
